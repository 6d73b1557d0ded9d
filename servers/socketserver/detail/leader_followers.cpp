#include <socketserver/detail/leader_followers.hpp>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace socketserver::detail {

void LeaderFollowers::Follower::wait() noexcept {
    while (::sem_wait(&chosen_or_dismissed_) != 0 && errno == EINTR) {
    }
}

void LeaderFollowers::open(std::size_t most) {
    const std::lock_guard lock(mutex_);
    limits_.most = most;
    limits_.least = std::min(limits_.least, most);
    open_ = true;
}

bool LeaderFollowers::fill() {
    for (;;) {
        {
            const std::lock_guard lock(mutex_);
            if (!open_ || members_ >= limits_.least)
                return true;
            ++members_;
        }
        if (!start_thread())
            return false;
    }
}

/// Makes a thread, which has been counted already.
/// \return false if there is none to be had; it is not counted any more then
bool LeaderFollowers::start_thread() noexcept {
    struct Leave {
        LeaderFollowers& crew;
        ~Leave() { crew.left(); }
    };
    try {
        threads_.start(
            [this] {
                const Leave leave{*this};
                life_();
            },
            limits_.stack_size);
        const std::lock_guard lock(mutex_);
        short_of_threads_ = false;
        return true;
    } catch (const std::exception& failure) {
        bool is_first = false;
        {
            const std::lock_guard lock(mutex_);
            --members_;
            is_first = !std::exchange(short_of_threads_, true);
        }
        if (is_first)
            no_thread_(failure);
        return false;
    }
}

/// A thread has come to its end. One that had been told to leave may still have been there when it was opened again, and fill() looked
/// for threads: then another one takes its place.
void LeaderFollowers::left() noexcept {
    {
        const std::lock_guard lock(mutex_);
        if (!open_ || members_ > limits_.least) {
            --members_;
            return;
        }
    }
    start_thread();
}

bool LeaderFollowers::lead_if_vacant() {
    const std::lock_guard lock(mutex_);
    return !std::exchange(led_, true) && begin_to_lead();
}

/// \return true
bool LeaderFollowers::begin_to_lead() noexcept {
    leader_.store(std::this_thread::get_id(), std::memory_order_relaxed);
    return true;
}

void LeaderFollowers::close() {
    Follower* dismissed = nullptr;
    {
        const std::lock_guard lock(mutex_);
        open_ = false;
        dismissed = std::exchange(followers_, nullptr);
        follower_count_ = 0;
    }
    while (dismissed != nullptr) {
        Follower& follower = *dismissed;
        dismissed = follower.next;
        follower.wake();  // it is gone from here on
    }
}

void LeaderFollowers::wait_until_vacant() {
    std::unique_lock lock(mutex_);
    vacant_.wait(lock, [this] { return !led_; });
}

bool LeaderFollowers::lead() {
    Follower self;
    {
        const std::lock_guard lock(mutex_);
        if (!open_)
            return false;
        if (!std::exchange(led_, true))
            return begin_to_lead();
        if (follower_count_ >= limits_.followers)
            return false;
        self.next = std::exchange(followers_, &self);
        ++follower_count_;
    }
    self.wait();
    return self.chosen && begin_to_lead();
}

bool LeaderFollowers::step_down() noexcept {
    Follower* successor = nullptr;
    leader_.store({}, std::memory_order_relaxed);
    {
        const std::lock_guard lock(mutex_);
        if (followers_ != nullptr) {
            successor = std::exchange(followers_, followers_->next);
            --follower_count_;
            successor->chosen = true;
        } else {
            led_ = false;
            if (!open_ || members_ >= limits_.most) {
                vacant_.notify_all();
                return !open_;
            }
            ++members_;
        }
    }
    if (successor != nullptr)
        successor->wake();
    else
        start_thread();
    return true;
}

std::size_t LeaderFollowers::followers() const {
    const std::lock_guard lock(mutex_);
    return follower_count_;
}

bool LeaderFollowers::closed() const {
    const std::lock_guard lock(mutex_);
    return !open_;
}

}  // namespace socketserver::detail
