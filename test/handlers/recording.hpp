#pragma once

/// \file
/// What a protocol's callbacks were, in order, also where they ran in a forked child.

#include <socketserver/os/error.hpp>
#include <socketserver/os/shared_memory.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>

namespace socketserver::test {

/// A text that grows, in memory shared with children. Thread: any; read once those that write have ended, or by contains().
class Recording {
public:
    /// Adds a word.
    void add(std::string_view word) {
        const std::size_t at = text_->size.fetch_add(word.size() + 1);
        if (at + word.size() + 1 > text_->bytes.size())
            throw std::length_error("a recording is full");
        for (std::size_t i = 0; i < word.size(); ++i)
            text_->bytes[at + i].store(word[i]);
        text_->bytes[at + word.size()].store(' ');
    }

    /// All words, a space after each.
    [[nodiscard]] std::string text() const {
        std::string all;
        for (std::size_t i = 0, size = text_->size; i < size; ++i)
            all += text_->bytes[i];
        return all;
    }

private:
    struct Text {
        std::atomic<std::size_t> size{0};
        std::array<std::atomic<char>, 4096> bytes{};
    };
    SharedMemory<Text> text_;
};

/// The name of a reason for which a connection was lost, "" for no error.
inline std::string name_of(const error_code& reason) {
    switch (reason.value()) {
        case 0: return "";
        case ECANCELED: return "ECANCELED";
        case ECONNABORTED: return "ECONNABORTED";
        case ECONNRESET: return "ECONNRESET";
        case EMSGSIZE: return "EMSGSIZE";
        case ETIMEDOUT: return "ETIMEDOUT";
        default: return reason.message();
    }
}

}  // namespace socketserver::test
