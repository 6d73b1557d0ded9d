#include <socketserver/detail/loop_threads.hpp>

#include <socketserver/os/signals.hpp>

#include <cstddef>
#include <utility>

namespace socketserver::detail {

Arrival::~Arrival() {
    if (!arrived_)
        all_.count_down();
}

void Arrival::arrive_and_wait() {
    arrived_ = true;
    all_.arrive_and_wait();
}

LoopThreads::LoopThreads(std::span<std::exception_ptr> failures, std::latch& all,
                         std::function<std::exception_ptr()> life, std::function<void()> end)
    : life_(std::move(life)), end_(std::move(end)) {
    threads_.reserve(failures.size());
    const auto blocked = ScopedSignalBlock::asynchronous();
    try {
        for (std::exception_ptr& failure : failures)
            threads_.emplace_back([this, &failure] { failure = life_(); });
    } catch (...) {
        all.count_down(static_cast<std::ptrdiff_t>(failures.size() + 1 - threads_.size()));
        end_all();
        throw;
    }
}

LoopThreads::~LoopThreads() {
    end_all();
}

void LoopThreads::end_all() noexcept {
    if (threads_.empty())
        return;
    end_();
    for (std::thread& thread : threads_)
        thread.join();
}

}  // namespace socketserver::detail
