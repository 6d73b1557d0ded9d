/// \file
/// A thread for each connection by pthread_create(3), detached, with the system's stack: what Threading and ThreadPool
/// are held against.

#include "blocking.hpp"

#include <cstdint>

#include <pthread.h>

namespace {

baseline::Arguments arguments;

void* serve(void* fd) {
    baseline::serve(static_cast<int>(reinterpret_cast<intptr_t>(fd)), arguments);
    return nullptr;
}

}  // namespace

int main(int argc, char* argv[]) {
    arguments = baseline::prepare(argc, argv);
    const int listener = baseline::bind_to(arguments.port, SOCK_STREAM);
    pthread_attr_t detached;
    if (pthread_attr_init(&detached) != 0 || pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED) != 0)
        baseline::fail("pthread_attr_init");
    for (;;) {
        const int fd = baseline::accept_one(listener);
        pthread_t thread{};
        void* const argument = reinterpret_cast<void*>(intptr_t{fd});  // NOLINT(performance-no-int-to-ptr): cheapest
        errno = pthread_create(&thread, &detached, serve, argument);
        if (errno != 0) {
            perror("pthread_create");
            close(fd);
        }
    }
}
