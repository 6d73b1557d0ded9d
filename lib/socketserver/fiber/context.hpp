#pragma once

/// \file
/// Switching between stacks.

#include <socketserver/fiber/stack_pool.hpp>

#include <cstddef>

namespace socketserver {

/// A place where execution can go on: a stack of its own, or the thread's.
///
/// A switch keeps what the compiler and the C++ runtime expect to belong to a line of execution: registers, the
/// exceptions being handled, and what AddressSanitizer and ThreadSanitizer know. `errno` is not kept: whoever may switch has
/// read it before.
///
/// Owns: nothing of the stack. Thread: the one that made it. Life: switched to only while another one runs in the thread.
class Context {
public:
    /// What runs on a stack; never returns, but leaves by finish().
    using Entry = void (*)(void* argument);

    /// The thread's own, running now.
    Context() noexcept;

    /// One that begins with \p entry when it is first switched to.
    /// \param stack where it runs; longer-lived than the context
    /// \param entry what runs
    /// \param argument handed to \p entry
    Context(Stack stack, Entry entry, void* argument) noexcept;

    // NOLINTNEXTLINE(performance-trivially-destructible): under ThreadSanitizer there is something to give back
    ~Context();
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;

    /// Goes on in another context, until somebody switches back to this one.
    /// \param to where to go on
    /// Requires: this is the one that runs.
    void switch_to(Context& to) noexcept;

    /// Goes on in another context and never comes back. Afterwards the stack can be used again.
    /// \param to where to go on
    /// Requires: this is the one that runs.
    [[noreturn]] void finish(Context& to) noexcept;

    /// Where it goes on: what it calls next will lie below, what it returns to lies above.
    /// Requires: this is not the one that runs.
    [[nodiscard]] const std::byte* place() const noexcept { return static_cast<const std::byte*>(place_); }

private:
    struct Exceptions {
        void* caught = nullptr;
        unsigned int uncaught = 0;
    };
    static Exceptions& thread_exceptions() noexcept;
    void jump(Context& to, bool for_good) noexcept;

    friend struct ContextEntry;

    void* place_ = nullptr;           // where to go on, while it does not run
    Context* came_from_ = nullptr;    // who has switched to it, while it runs
    Exceptions& running_exceptions_;  // the C++ runtime's, of the thread
    Exceptions exceptions_;           // what belongs there, while it does not run
    Entry entry_ = nullptr;
    void* argument_ = nullptr;
    [[maybe_unused]] void* tsan_fiber_ = nullptr;
    [[maybe_unused]] void* asan_fake_stack_ = nullptr;
    [[maybe_unused]] const void* stack_bottom_ = nullptr;  // of the thread's own: learnt when it is first left
    [[maybe_unused]] std::size_t stack_size_ = 0;
};

}  // namespace socketserver
