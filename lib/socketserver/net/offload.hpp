#pragma once

/// \file
/// Running what blocks without the library's knowing.

#include <socketserver/net/waiter.hpp>

#include <future>
#include <type_traits>
#include <utility>

namespace socketserver {

/// Runs a call that cannot be made cooperative, such as file and process I/O or a database library, so that it holds up
/// only the calling context: under fibers in a helper thread of the loop, of which there are a few, while the fiber is
/// parked; in threads and forked children at once and in place. Pending output of the context is sent first. A cut does
/// not end it.
///
///     const std::string report = offload([&] { return read_file(path); });
///
/// \param work what to call, without arguments. In a helper thread `errno` and thread-local variables are that thread's, so
///   it should return what it learns from them; and it must not use sockets that fibers have waited on.
/// \return what it returned
/// \throw whatever it threw
/// Thread: any.
template <class F>
std::invoke_result_t<F&> offload(F&& work) {
    Waiter& waiter = Waiter::current();
    waiter.flush_pending();
    std::packaged_task<std::invoke_result_t<F&>()> task([&work]() -> std::invoke_result_t<F&> { return work(); });
    auto result = task.get_future();
    waiter.run_blocking([&task] { task(); });
    return result.get();
}

}  // namespace socketserver
