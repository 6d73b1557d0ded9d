#include <socketserver/os/process_mutex.hpp>

#include <socketserver/os/error.hpp>

#include <cerrno>

namespace socketserver {

process_mutex::process_mutex() {
    pthread_mutexattr_t kind;
    ::pthread_mutexattr_init(&kind);
    ::pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED);
    ::pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
    ::pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ERRORCHECK);
    const int error = ::pthread_mutex_init(&mutex_, &kind);
    ::pthread_mutexattr_destroy(&kind);
    if (error != 0)
        throw_errno(error, "pthread_mutex_init");
}

void process_mutex::lock() {
    take(::pthread_mutex_lock(&mutex_));
}

bool process_mutex::try_lock() {
    const int result = ::pthread_mutex_trylock(&mutex_);
    return take(result == EDEADLK ? EBUSY : result);  // that it is the caller who holds it does not matter
}

void process_mutex::unlock() noexcept {
    ::pthread_mutex_unlock(&mutex_);
}

/// \param result what an attempt returned
/// \return whether the caller holds it
bool process_mutex::take(int result) {
    if (result == EBUSY)
        return false;
    if (result == EOWNERDEAD) {
        // In this order: should this process die between the two, the next one is told, too.
        abandoned_ = true;
        ::pthread_mutex_consistent(&mutex_);
    } else if (result != 0) {
        throw_errno(result, "pthread_mutex_lock");
    }
    return true;
}

}  // namespace socketserver
