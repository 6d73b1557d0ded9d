/// \file
/// A server with an event-style handler: each piece of input comes back after "waited: " or "called: ", for a handler whose
/// handle() waits for input or one that is called when it has come.

#include <socketserver/base_request_handler.hpp>
#include <socketserver/run_server.hpp>

#include <cstdint>
#include <string>

#if defined(__SANITIZE_ADDRESS__)
#define TEST_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TEST_ASAN
#endif
#endif
#ifdef TEST_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace ss = socketserver;

namespace {

struct Options {
    std::string text;

    template <class Add>
    void declare(Add&& add) {
        add("text", "a text to put before all", text);
    }
};

class EventHandler : public ss::BaseRequestHandler<ss::Socket> {
public:
    using Options = ::Options;

    EventHandler(ss::Socket& the_request, const ss::Address& client, ss::ServerContext& the_server,
                 const Options& options)
        : BaseRequestHandler(the_request, client, the_server), options_(options) {}

    bool input_ready() {
        const std::string data = request.recv(4096);
        if (data.empty())
            return false;
        request.sendall(options_.text + (is_on_stack() ? "waited: " : "called: ") + data);
        return data != "bye\n";
    }

private:
    // One that is called for each input cannot live on the stack of a call.
    [[nodiscard]] bool is_on_stack() const {
        constexpr std::intptr_t far = 128 << 10U;
        const auto distance =
            reinterpret_cast<std::intptr_t>(this) - reinterpret_cast<std::intptr_t>(__builtin_frame_address(0));
        return (distance > -far && distance < far) || is_on_fake_stack();
    }

    // AddressSanitizer keeps locals of which the address is taken elsewhere.
    [[nodiscard]] bool is_on_fake_stack() const {
#ifdef TEST_ASAN
        return __asan_addr_is_in_fake_stack(__asan_get_current_fake_stack(), const_cast<EventHandler*>(this), nullptr,
                                            nullptr) != nullptr;
#else
        return false;
#endif
    }

    const Options& options_;
};

}  // namespace

int main(int argc, char* argv[]) {
    return ss::run_server<EventHandler>(argc, argv);
}
