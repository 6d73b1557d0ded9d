#include <socketserver/detail/address_quota.hpp>

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>

namespace socketserver::detail {

namespace {

// The family and the bytes of an address, those behind the prefix zero.
using Key = std::array<std::uint8_t, 17>;

void keep_prefix(std::uint8_t* bytes, std::size_t size, unsigned bits) noexcept {
    constexpr unsigned byte = 8;
    for (std::size_t i = 0; i < size; ++i) {
        const auto before = static_cast<unsigned>(i) * byte;
        const unsigned kept = bits > before ? std::min(bits - before, byte) : 0;
        bytes[i] = static_cast<std::uint8_t>(bytes[i] & (0xFF00U >> kept));
    }
}

Key key_of(const Address& client, ServerOptions::AddressPrefix prefix) noexcept {
    Key key{};
    std::uint8_t* const bytes = key.data() + 1;
    if (client.family() == AF_INET) {
        key[0] = 4;
        std::memcpy(bytes, &reinterpret_cast<const sockaddr_in*>(client.data())->sin_addr, 4);
        keep_prefix(bytes, 4, prefix.ipv4);
    } else {
        key[0] = 6;
        std::memcpy(bytes, &reinterpret_cast<const sockaddr_in6*>(client.data())->sin6_addr, 16);
        keep_prefix(bytes, 16, prefix.ipv6);
    }
    return key;
}

}  // namespace

struct AddressQuota::Shared {
    std::mutex mutex;
    std::map<Key, std::size_t> taken;  // guarded by mutex; no entry is 0
};

class AddressQuota::Place {
public:
    explicit Place(std::shared_ptr<Shared> shared) noexcept : shared_(std::move(shared)) {}
    ~Place() {
        if (!taken_)
            return;
        const std::lock_guard lock(shared_->mutex);
        const auto entry = shared_->taken.find(key_);
        if (--entry->second == 0)
            shared_->taken.erase(entry);
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    /// \return false if there is none left
    bool take(const Key& key, std::size_t most) {
        const std::lock_guard lock(shared_->mutex);
        std::size_t& count = shared_->taken[key];  // not 0 unless new, and then there is one left
        if (count >= most)
            return false;
        ++count;
        key_ = key;
        taken_ = true;
        return true;
    }

private:
    const std::shared_ptr<Shared> shared_;
    Key key_{};
    bool taken_ = false;
};

AddressQuota::AddressQuota(std::size_t most, ServerOptions::AddressPrefix prefix)
    : most_(most), prefix_(prefix), shared_(std::make_shared<Shared>()) {}

bool AddressQuota::counts(const Address& client) const noexcept {
    return most_ != 0 && (client.family() == AF_INET || client.family() == AF_INET6);
}

std::shared_ptr<void> AddressQuota::take(const Address& client) {
    auto place = std::make_shared<Place>(shared_);
    return place->take(key_of(client, prefix_), most_) ? std::move(place) : nullptr;
}

std::size_t AddressQuota::addresses() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->taken.size();
}

}  // namespace socketserver::detail
