#include "support/case_guard.hpp"
#include "support/forked.hpp"
#include "support/readable.hpp"
#include "support/temporary_directory.hpp"

#include <socketserver/os/folder.hpp>

#include <boost/test/unit_test.hpp>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace socketserver::test {

namespace {

using Lookup = Folder::Lookup;
constexpr std::array lookups{Lookup::best, Lookup::by_component};

std::string contents(const Folder::File& file) {
    std::string text(100, '\0');
    const auto size = ::pread(file.descriptor.get(), text.data(), text.size(), 0);
    return size < 0 ? "unreadable" : text.substr(0, static_cast<std::size_t>(size));
}

/// A folder with a secret beside it.
class Scene {
public:
    Scene() {
        std::filesystem::create_directories(path("inside/deeper"));
        write_file(place_ / "secret", "secret");
        write_file(path("plain"), "plain");
        write_file(path("inside/deeper/deep"), "deep");
    }

    [[nodiscard]] std::filesystem::path path(std::string_view name) const { return place_ / "folder" / name; }
    [[nodiscard]] Folder folder() const { return Folder(place_ / "folder"); }
    [[nodiscard]] const TemporaryDirectory& place() const { return place_; }

private:
    TemporaryDirectory place_;
};

/// What opening, looking at and listing a name all fail with.
int failure(const Folder& folder, std::string_view name, Lookup lookup) {
    error_code opened;
    const Folder::File file = folder.open(name, opened, lookup);
    BOOST_TEST(!file.descriptor);
    error_code looked;
    static_cast<void>(folder.look_at(name, looked, lookup));
    BOOST_TEST(looked == opened);
    return opened.value();
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(folder, CaseGuard)

BOOST_AUTO_TEST_CASE(this_kernel_resolves_names_itself) {
    // CI's kernel does; were it otherwise, the cases below would test one lookup twice.
    BOOST_TEST(Scene().folder().kernel_resolves());
}

BOOST_AUTO_TEST_CASE(opens_what_is_inside) {
    const Scene scene;
    const Folder folder = scene.folder();
    for (const Lookup lookup : lookups) {
        error_code error = system_code(EIO);
        const Folder::File plain = folder.open("plain", error, lookup);
        BOOST_TEST(!error);
        BOOST_TEST(contents(plain) == "plain");
        BOOST_TEST(!plain.is_folder());
        BOOST_TEST(plain.status.st_size == 5);
        BOOST_TEST(is_close_on_exec(plain.descriptor.get()));
        BOOST_TEST(contents(folder.open("inside/deeper/deep", error, lookup)) == "deep");
        BOOST_TEST(folder.open("inside/deeper", error, lookup).is_folder());
        BOOST_TEST(folder.open("", error, lookup).is_folder());
        BOOST_TEST(folder.look_at("plain", error, lookup).st_size == 5);
        BOOST_TEST(!error);
    }
}

BOOST_AUTO_TEST_CASE(refuses_names_that_are_no_plain_paths) {
    const Scene scene;
    const Folder folder = scene.folder();
    const std::vector<std::string> names{"..",
                                         "../secret",
                                         "inside/../../secret",
                                         "inside/..",
                                         ".",
                                         "./plain",
                                         "/",
                                         "/etc/passwd",
                                         scene.path("plain"),
                                         "inside//deeper",
                                         "inside/",
                                         std::string("plain\0", 6),
                                         std::string("\0", 1)};
    for (const Lookup lookup : lookups) {
        for (const std::string& name : names)
            BOOST_TEST(failure(folder, name, lookup) == EINVAL, name);
    }
}

BOOST_AUTO_TEST_CASE(says_why_it_cannot_open_something) {
    const Scene scene;
    const Folder folder = scene.folder();
    for (const Lookup lookup : lookups) {
        BOOST_TEST(failure(folder, "missing", lookup) == ENOENT);
        BOOST_TEST(failure(folder, "missing/too", lookup) == ENOENT);
        BOOST_TEST(failure(folder, "plain/x", lookup) == ENOTDIR);
        BOOST_TEST(failure(folder, std::string(256, 'x'), lookup) == ENAMETOOLONG);
        BOOST_TEST(failure(Folder(), "plain", lookup) == EBADF);
    }
}

BOOST_AUTO_TEST_CASE(symbolic_links_do_not_lead_out) {
    const Scene scene;
    const Folder folder = scene.folder();
    const std::filesystem::path outside = scene.place() / "secret";
    std::filesystem::create_symlink(outside, scene.path("absolute"));
    std::filesystem::create_symlink("../secret", scene.path("relative"));
    std::filesystem::create_symlink("../..", scene.path("inside/up"));
    std::filesystem::create_symlink(scene.path("plain"), scene.path("absolute_back"));
    std::filesystem::create_symlink("/proc/self/cwd", scene.path("magic"));
    for (const std::string name : {"absolute", "relative", "inside/up", "inside/up/secret", "absolute_back", "magic"}) {
        BOOST_TEST(failure(folder, name, Lookup::best) == EXDEV, name);
        const int reason = failure(folder, name, Lookup::by_component);
        BOOST_TEST((reason == ELOOP || reason == ENOTDIR), name << ": " << std::strerror(reason));
    }
    std::filesystem::create_symlink("round", scene.path("round"));
    BOOST_TEST(failure(folder, "round", Lookup::best) == ELOOP);
    BOOST_TEST(failure(folder, "round", Lookup::by_component) == ELOOP);
}

BOOST_AUTO_TEST_CASE(symbolic_links_inside_are_followed_only_by_the_kernel) {
    const Scene scene;
    const Folder folder = scene.folder();
    std::filesystem::create_symlink("../plain", scene.path("inside/link"));
    std::filesystem::create_symlink("inside", scene.path("way"));
    error_code error;
    BOOST_TEST(contents(folder.open("inside/link", error)) == "plain");
    BOOST_TEST(contents(folder.open("way/deeper/deep", error)) == "deep");
    BOOST_TEST(failure(folder, "inside/link", Lookup::by_component) == ELOOP);
    BOOST_TEST(failure(folder, "way/deeper/deep", Lookup::by_component) == ENOTDIR);
}

BOOST_AUTO_TEST_CASE(opens_no_fifos_devices_and_sockets) {
    const Scene scene;
    const Folder folder = scene.folder();
    BOOST_REQUIRE(::mkfifo(scene.path("fifo").c_str(), 0600) == 0);
    const UniqueFd listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    scene.path("socket").string().copy(&address.sun_path[0], sizeof address.sun_path - 1);
    BOOST_REQUIRE(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    for (const Lookup lookup : lookups) {
        BOOST_TEST(failure(folder, "fifo", lookup) == ENXIO);
        BOOST_TEST(failure(folder, "socket", lookup) == ENXIO);
        BOOST_TEST(failure(Folder("/dev"), "null", lookup) == ENXIO);
    }
}

BOOST_AUTO_TEST_CASE(what_may_not_be_read_is_an_error) {
    const Scene scene;
    const Folder folder = scene.folder();
    ::chmod(scene.path("plain").c_str(), 0);
    ::chmod(scene.path("inside").c_str(), 0);
    // The superuser may read everything.
    const int status = in_child([&] {
        if (::geteuid() == 0 && (::setgid(65'534) != 0 || ::setuid(65'534) != 0))
            return 1;
        for (const Lookup lookup : lookups) {
            error_code error;
            static_cast<void>(folder.open("plain", error, lookup));
            if (error != system_code(EACCES))
                return 2;
            if (!S_ISREG(folder.look_at("plain", error, lookup).st_mode) || error)
                return 3;
            static_cast<void>(folder.open("inside/deeper/deep", error, lookup));
            if (error != system_code(EACCES))
                return 4;
            static_cast<void>(folder.list("inside", 10, error, lookup));
            if (error != system_code(EACCES))
                return 5;
        }
        return 0;
    });
    ::chmod(scene.path("inside").c_str(), 0700);
    BOOST_TEST(status == 0);
}

BOOST_AUTO_TEST_CASE(lists_names_up_to_a_bound) {
    const Scene scene;
    const Folder folder = scene.folder();
    for (const Lookup lookup : lookups) {
        error_code error;
        auto all = folder.list("", 10, error, lookup);
        BOOST_TEST(!error);
        BOOST_TEST(all.complete);
        std::sort(all.names.begin(), all.names.end());
        BOOST_TEST(all.names == (std::vector<std::string>{"inside", "plain"}), boost::test_tools::per_element());
        BOOST_TEST(folder.list("", 2, error, lookup).complete);
        const auto one = folder.list("", 1, error, lookup);
        BOOST_TEST(one.names.size() == 1U);
        BOOST_TEST(!one.complete);
        BOOST_TEST(folder.list("inside/deeper", 10, error, lookup).names.front() == "deep");
        static_cast<void>(folder.list("plain", 10, error, lookup));
        BOOST_TEST(error == system_code(ENOTDIR));
        static_cast<void>(folder.list("..", 10, error, lookup));
        BOOST_TEST(error == system_code(EINVAL));
    }
}

BOOST_AUTO_TEST_CASE(stays_the_folder_that_was_opened) {
    const Scene scene;
    const Folder folder = scene.folder();
    std::filesystem::rename(scene.path(""), scene.place() / "moved");
    error_code error;
    BOOST_TEST(contents(folder.open("plain", error)) == "plain");
}

// Somebody who may write to the folder changes a name between a file and a link to the secret as fast as he can.
BOOST_AUTO_TEST_CASE(a_name_that_changes_all_the_time_never_leads_out) {
    const Scene scene;
    const Folder folder = scene.folder();
    std::filesystem::create_symlink("../secret", scene.path("link"));
    std::atomic<bool> done = false;
    std::thread other([&] {
        while (!done) {
            ::renameat2(AT_FDCWD, scene.path("link").c_str(), AT_FDCWD, scene.path("plain").c_str(), RENAME_EXCHANGE);
        }
    });
    for (int i = 0; i < 2'000; ++i) {
        error_code error;
        const Folder::File file = folder.open("plain", error, lookups.at(static_cast<std::size_t>(i) % lookups.size()));
        if (!error && contents(file) != "plain")
            BOOST_TEST(contents(file) == "plain");
    }
    done = true;
    other.join();
}

BOOST_AUTO_TEST_CASE(a_path_that_is_no_folder_is_refused_by_name) {
    const Scene scene;
    const auto complaint = [](const std::string& path) {
        try {
            const Folder folder(path);
            return std::string("opened");
        } catch (const system_error& failure) {
            return std::string(failure.what());
        }
    };
    BOOST_TEST(complaint("/does/not/exist").starts_with("open the folder '/does/not/exist': No such file"));
    const std::string file = scene.path("plain");
    BOOST_TEST(complaint(file).starts_with("open the folder '" + file + "': Not a directory"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
