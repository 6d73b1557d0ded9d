#include <socketserver/fiber/context.hpp>

#include <socketserver/fiber/detail/sanitizers.hpp>

#include <boost/context/detail/fcontext.hpp>

#include <cxxabi.h>

#include <cstdlib>
#include <utility>

#ifdef SOCKETSERVER_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef SOCKETSERVER_TSAN
#include <sanitizer/tsan_interface.h>
#endif

// Nothing instrumented may stand between telling a sanitizer of a switch and the switch. Otherwise each return that
// follows a switch is one that the processor cannot foresee, so there had better be few.
#if defined(SOCKETSERVER_TSAN)
#define SOCKETSERVER_SWITCHES __attribute__((no_sanitize("thread"), noinline))
#elif defined(SOCKETSERVER_ASAN)
#define SOCKETSERVER_SWITCHES __attribute__((noinline))
#else
#define SOCKETSERVER_SWITCHES
#endif

namespace socketserver {

namespace fc = boost::context::detail;

/// The first function on a new stack.
struct ContextEntry {
    SOCKETSERVER_SWITCHES static void run(fc::transfer_t transfer) noexcept {
        Context& self = *static_cast<Context*>(transfer.data);
        Context& from = *self.came_from_;
        from.place_ = transfer.fctx;
#ifdef SOCKETSERVER_ASAN
        const void* bottom = nullptr;
        std::size_t size = 0;
        __sanitizer_finish_switch_fiber(nullptr, &bottom, &size);
        if (from.stack_bottom_ == nullptr) {
            from.stack_bottom_ = bottom;
            from.stack_size_ = size;
        }
#endif
        self.entry_(self.argument_);
        std::abort();  // an entry leaves by finish()
    }
};

// The C++ runtime keeps the exceptions being handled in two words of each thread (Itanium C++ ABI, 2.2.2). Boost.Context
// saves them from version 1.88 on only. Asking where they are costs more than a switch, so it is done once.
Context::Exceptions& Context::thread_exceptions() noexcept {
    return *reinterpret_cast<Exceptions*>(abi::__cxa_get_globals());
}

Context::Context() noexcept : running_exceptions_(thread_exceptions()) {
#ifdef SOCKETSERVER_TSAN
    tsan_fiber_ = __tsan_get_current_fiber();
#endif
}

Context::Context(Stack stack, Entry entry, void* argument) noexcept
    : place_(fc::make_fcontext(stack.top(), stack.size, &ContextEntry::run)),
      running_exceptions_(thread_exceptions()),
      entry_(entry),
      argument_(argument),
      stack_bottom_(stack.bottom),
      stack_size_(stack.size) {
#ifdef SOCKETSERVER_TSAN
    tsan_fiber_ = __tsan_create_fiber(0);
#endif
}

#ifdef SOCKETSERVER_TSAN
Context::~Context() {
    if (entry_ != nullptr)
        __tsan_destroy_fiber(tsan_fiber_);
}
#else
Context::~Context() = default;
#endif

SOCKETSERVER_SWITCHES void Context::jump(Context& to, [[maybe_unused]] bool for_good) noexcept {
    // Not by the stack: AddressSanitizer may keep locals elsewhere, and takes them from a context that is left for good.
    to.came_from_ = this;
    void* const place = to.place_;
#ifdef SOCKETSERVER_ASAN
    __sanitizer_start_switch_fiber(for_good ? nullptr : &asan_fake_stack_, to.stack_bottom_, to.stack_size_);
#endif
#ifdef SOCKETSERVER_TSAN
    __tsan_switch_to_fiber(to.tsan_fiber_, 0);
#endif
    const fc::transfer_t transfer = fc::jump_fcontext(place, &to);
    // Here again: somebody has switched to this one.
    came_from_->place_ = transfer.fctx;
#ifdef SOCKETSERVER_ASAN
    __sanitizer_finish_switch_fiber(asan_fake_stack_, nullptr, nullptr);
#endif
}

void Context::switch_to(Context& to) noexcept {
    exceptions_ = std::exchange(running_exceptions_, to.exceptions_);
    jump(to, false);
    // Whoever switched back has put this one's exceptions in place.
}

void Context::finish(Context& to) noexcept {
    running_exceptions_ = to.exceptions_;
    jump(to, true);
    std::abort();  // nobody comes back to a finished context
}

}  // namespace socketserver
