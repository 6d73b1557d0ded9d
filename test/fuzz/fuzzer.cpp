#include "targets.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

// What libFuzzer calls.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    socketserver::fuzz::SOCKETSERVER_FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
    return 0;
}
