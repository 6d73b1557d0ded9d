#pragma once

/// \file
/// An object that a process and the children it forks see as one.

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>

namespace socketserver {

namespace detail {
/// Maps zeroed anonymous memory that stays shared over fork(2).
/// \throw boost::system::system_error if mmap(2) fails
void* map_shared(std::size_t size);
void unmap_shared(void* memory, std::size_t size) noexcept;
}  // namespace detail

/// Owns one T in memory that is shared with every child forked later: what a child writes the parent reads.
///
/// T must need no help across processes: lock-free atomics, no pointers. What several of them change together a process_mutex in it
/// guards; a std::mutex does not. T's destructor is not run; the memory
/// is unmapped in each process by itself. Thread: any.
template <class T>
class SharedMemory {
    static_assert(std::is_trivially_destructible_v<T>,
                  "what processes share nobody can destroy, and must work across them: no ss::mutex or "
                  "ss::condition_variable (there is ss::process_mutex), no strings, no containers");

public:
    /// Makes the T in fresh shared memory.
    /// \throw boost::system::system_error if mmap(2) fails
    SharedMemory() : object_(new (detail::map_shared(sizeof(T))) T{}) {}

    /// The object.
    T& operator*() const noexcept { return *object_; }
    /// The object.
    T* operator->() const noexcept { return object_.get(); }

private:
    struct Unmap {
        void operator()(T* object) const noexcept { detail::unmap_shared(object, sizeof(T)); }
    };
    std::unique_ptr<T, Unmap> object_;
};

}  // namespace socketserver
