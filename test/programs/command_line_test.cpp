/// \file
/// The command line of servers, piece by piece.

#include "parsing.hpp"

#include <support/case_guard.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace socketserver::test {

namespace {

using detail::CommandLine;
using detail::Mode;
using detail::ServedProtocol;
using namespace std::chrono_literals;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(command_line, CaseGuard)

BOOST_AUTO_TEST_CASE(nothing_said_gives_the_defaults) {
    const CommandLine line = parse({});
    BOOST_TEST(to_string(line.mode) == "selecting");
    BOOST_TEST(line.host == "127.0.0.1");
    BOOST_TEST(line.port == 21567);
    BOOST_TEST(!line.unix_path.has_value());
    BOOST_TEST(!line.udp);
    BOOST_TEST(!line.quiet);
    BOOST_TEST(!line.help);
    BOOST_TEST(!line.version);
    const ServerOptions& options = line.options;
    BOOST_TEST((options.connection.timeout == std::chrono::nanoseconds(60s)));
    BOOST_TEST(!options.connection.idle_timeout.has_value());
    BOOST_TEST((options.connection.line_timeout == std::chrono::nanoseconds(10s)));
    BOOST_TEST((options.connection.write_timeout == std::chrono::nanoseconds(60s)));
    BOOST_TEST((options.drain == 5s));
    BOOST_TEST(options.connection.max_lines == 0U);
    BOOST_TEST(options.request_queue_size == SOMAXCONN);
    BOOST_TEST(options.max_connections == 0U);
    BOOST_TEST(options.max_per_address == 0U);
    BOOST_TEST(options.per_address_prefix.ipv4 == 32U);
    BOOST_TEST(options.per_address_prefix.ipv6 == 128U);
    BOOST_TEST(options.forking.max_children == 40U);
    BOOST_TEST(options.threading.max_threads == 1024U);
    BOOST_TEST(options.selecting.max_requests == 100000U);
    BOOST_TEST((options.selecting.selector == SelectorKind::epoll));
    BOOST_TEST(options.selecting.threads == 1U);
    BOOST_TEST((options.selecting.stall_limit == 100ms));
    BOOST_TEST((options.defer_accept == 0s));
    BOOST_TEST(!options.allow_reuse_port);
}

BOOST_AUTO_TEST_CASE(each_option_sets_what_it_says) {
    const CommandLine line = parse({"--mode",
                                    "forking",
                                    "--host",
                                    "::1",
                                    "--port=0",
                                    "--max-connections",
                                    "7",
                                    "--timeout",
                                    "0.25",
                                    "--line-timeout",
                                    "0.5",
                                    "--write-timeout",
                                    "2",
                                    "--drain",
                                    "1.5",
                                    "--requests-per-connection",
                                    "3",
                                    "--backlog",
                                    "9",
                                    "--defer-accept",
                                    "--reuse-port",
                                    "--quiet"});
    BOOST_TEST((line.mode == Mode::forking));
    BOOST_TEST(line.host == "::1");
    BOOST_TEST(line.port == 0);
    BOOST_TEST(line.options.max_connections == 7U);
    BOOST_TEST(line.options.forking.max_children == 7U);
    BOOST_TEST(line.options.threading.max_threads == 7U);
    BOOST_TEST(line.options.selecting.max_requests == 7U);
    BOOST_TEST((line.options.defer_accept == 10s));
    BOOST_TEST((line.options.connection.timeout == std::chrono::nanoseconds(250ms)));
    BOOST_TEST((line.options.connection.line_timeout == std::chrono::nanoseconds(500ms)));
    BOOST_TEST((line.options.connection.write_timeout == std::chrono::nanoseconds(2s)));
    BOOST_TEST((line.options.drain == 1500ms));
    BOOST_TEST(line.options.connection.max_lines == 3U);
    BOOST_TEST(line.options.request_queue_size == 9);
    BOOST_TEST(line.options.allow_reuse_port);
    BOOST_TEST(line.quiet);
    const ServerOptions limited = parse({"--max-per-address", "3", "--per-address-prefix", "24/64"}).options;
    BOOST_TEST(limited.max_per_address == 3U);
    BOOST_TEST(limited.per_address_prefix.ipv4 == 24U);
    BOOST_TEST(limited.per_address_prefix.ipv6 == 64U);
    for (const Mode mode :
         {Mode::blocking, Mode::forking, Mode::threading, Mode::selecting, Mode::thread_pool, Mode::preforking})
        BOOST_TEST((parse({"--mode", std::string(to_string(mode))}).mode == mode));
    for (const SelectorKind kind : {SelectorKind::epoll, SelectorKind::poll, SelectorKind::select}) {
        const CommandLine selecting = parse({"--mode", "selecting", "--selector", std::string(to_string(kind))});
        BOOST_TEST((selecting.options.selecting.selector == kind));
    }
    BOOST_TEST(parse({"--mode", "thread-pool", "--workers", "3"}).options.thread_pool.threads == 3U);
    BOOST_TEST(parse({"--workers", "3"}).options.selecting.threads == 3U);
    BOOST_TEST((parse({"--stall-limit", "0.25"}).options.selecting.stall_limit == 250ms));
    BOOST_TEST((parse({"--mode", "preforking", "--stall-limit", "0"}).options.selecting.stall_limit == 0ms));
    const CommandLine preforking = parse({"--mode", "preforking", "--workers", "3", "--own-listeners"});
    BOOST_TEST(preforking.options.preforking.workers == 3U);
    BOOST_TEST(preforking.options.preforking.own_listeners);
    BOOST_TEST(preforking.options.selecting.threads == 1U);
    BOOST_TEST((preforking.inner == Mode::selecting));
    for (const Mode mode : {Mode::blocking, Mode::threading, Mode::selecting})
        BOOST_TEST((parse({"--mode", "preforking", "--inner", std::string(to_string(mode))}).inner == mode));
    BOOST_TEST(
        (parse({"--mode", "preforking", "--selector", "poll"}).options.selecting.selector == SelectorKind::poll));
    BOOST_TEST(parse({"--udp"}).udp);
    BOOST_TEST(parse({"--unix", "/tmp/x"}).unix_path.value() == "/tmp/x");
    BOOST_TEST(parse({"--help"}).help);
    BOOST_TEST(parse({"--version"}).version);
}

BOOST_AUTO_TEST_CASE(the_host_may_be_empty) {
    BOOST_TEST(parse({"--host", ""}).host.empty());
    BOOST_TEST(parse({"--host="}).host.empty());
}

BOOST_AUTO_TEST_CASE(a_timeout_of_zero_is_none) {
    BOOST_TEST(!parse({"--timeout", "0"}).options.connection.timeout.has_value());
    BOOST_TEST(!parse({"--line-timeout", "0"}).options.connection.line_timeout.has_value());
    BOOST_TEST(!parse({"--write-timeout", "0"}).options.connection.write_timeout.has_value());
}

BOOST_AUTO_TEST_CASE(what_it_does_not_know_is_refused) {
    BOOST_TEST(complaint({"--bogus"}) == "unrecognised option '--bogus'");
    BOOST_TEST(complaint({"-x"}) == "unrecognised option '-x'");
    BOOST_TEST(complaint({"--mod", "forking"}) == "unrecognised option '--mod'");
    BOOST_TEST(complaint({"file"}) == "unexpected argument 'file'");
    BOOST_TEST(complaint({"--port"}) == "the required argument for option '--port' is missing");
    BOOST_TEST(complaint({"--port", "1", "--port", "1"}) == "option '--port' is given twice");
    BOOST_TEST(complaint({"--quiet=yes"}) == "option '--quiet' does not take any arguments");
    BOOST_TEST(complaint({"--%canonical_option%=1"}) == "unrecognised option '--%canonical_option%=1'");
    BOOST_TEST(complaint({"-x=%prefix%"}) == "unrecognised option '-x=%prefix%'");
    BOOST_TEST(complaint({"--quiet=%canonical_option%"}) == "option '--quiet' does not take any arguments");
    BOOST_TEST(complaint({"%option%"}) == "unexpected argument '%option%'");
    BOOST_TEST(parse({"--host", "-%prefix%=\x1a\x1b%"}).host == "-%prefix%=\x1a\x1b%");
    BOOST_TEST(complaint({"--=x"}) == "unrecognised option '--=x'");
    BOOST_TEST(complaint({"--", "--=x"}) == "unexpected argument '--=x'");
    BOOST_TEST(complaint({"--", "--host="}) == "unexpected argument '--host='");
    ServedProtocol streams_only = make_protocol();
    streams_only.datagrams = nullptr;
    BOOST_TEST(complaint({"--udp"}, streams_only) == "unrecognised option '--udp'");
}

BOOST_AUTO_TEST_CASE(values_out_of_range_are_refused) {
    BOOST_TEST(complaint({"--mode", "fast"}) ==
               "--mode: 'fast' is not one of blocking, forking, threading, selecting, thread-pool, preforking");
    BOOST_TEST(complaint({"--mode", "preforking", "--inner", "forking"}) ==
               "--inner: 'forking' is not one of blocking, threading, selecting");
    BOOST_TEST(complaint({"--mode", "preforking", "--workers", "1025"}) ==
               "--workers: at most 1024 with --mode preforking");
    BOOST_TEST(complaint({"--mode", "selecting", "--selector", "kqueue"}) ==
               "--selector: 'kqueue' is not one of epoll, poll, select");
    for (const std::string port : {"65536", "-1", "http", "", "80x", " 80"})
        BOOST_TEST(complaint({"--port", port}) == "--port: '" + port + "' is not a whole number from 0 to 65535");
    BOOST_TEST(complaint({"--workers", "10001"}) == "--workers: '10001' is not a whole number from 1 to 10000");
    for (const std::string number : {"0", "-1", "x", "99999999999999999999999"}) {
        BOOST_TEST(complaint({"--max-connections", number}) ==
                   "--max-connections: '" + number + "' is not a whole number of 1 or more");
    }
    for (const std::string prefix : {"24", "", "24:64"}) {
        BOOST_TEST(complaint({"--per-address-prefix", prefix}) ==
                   "--per-address-prefix: '" + prefix + "' is not two numbers of bits like 24/64");
    }
    BOOST_TEST(complaint({"--per-address-prefix", "33/64"}) ==
               "--per-address-prefix: '33' is not a whole number from 0 to 32");
    BOOST_TEST(complaint({"--per-address-prefix", "24/129"}) ==
               "--per-address-prefix: '129' is not a whole number from 0 to 128");
    BOOST_TEST(complaint({"--backlog", "2147483648"}) ==
               "--backlog: '2147483648' is not a whole number from 1 to 2147483647");
    for (const std::string option : {"--timeout", "--line-timeout", "--write-timeout", "--drain"}) {
        for (const std::string seconds : {"-1", "-0.5", "nan", "inf", "1e10", "5s", ""}) {
            std::string expected = option;
            expected += ": '" + seconds + "' is not a number of seconds from 0 to 1000000000";
            BOOST_TEST(complaint({option, seconds}) == expected);
        }
    }
    BOOST_TEST(complaint({"--unix", ""}).starts_with("--unix: "));
    BOOST_TEST(complaint({"--unix", std::string(200, 'x')}).starts_with("--unix: "));
}

BOOST_AUTO_TEST_CASE(an_option_is_refused_in_the_modes_that_it_does_not_belong_to) {
    struct Row {
        std::vector<std::string> words;
        std::vector<std::string> modes;
        std::vector<std::string> inner_modes;
        std::string cure;
    };
    const std::vector<std::string> all{"blocking", "forking", "threading", "selecting", "thread-pool", "preforking"};
    const std::vector<std::string> all_inner{"blocking", "threading", "selecting"};
    std::vector<Row> rows{
        {{"--workers", "2"},
         {"selecting", "thread-pool", "preforking"},
         all_inner,
         "selecting, thread-pool or preforking"},
        {{"--inner", "blocking"}, {"preforking"}, all_inner, "preforking"},
        {{"--own-listeners"}, {"preforking"}, all_inner, "preforking"},
        {{"--selector", "poll"}, {"selecting", "preforking"}, {"selecting"}, "selecting or preforking"},
        {{"--stall-limit", "1"}, {"selecting", "preforking"}, {"selecting"}, "selecting or preforking"},
        {{"--max-connections", "1"},
         {"forking", "threading", "selecting", "preforking"},
         {"threading", "selecting"},
         "forking, threading, selecting or preforking"},
        {{"--max-per-address", "1"},
         {"forking", "threading", "selecting", "thread-pool", "preforking"},
         {"threading", "selecting"},
         "forking, threading, selecting, thread-pool or preforking"}};
    rows.push_back(rows.back());
    rows.back().words = {"--per-address-prefix", "24/64", "--max-per-address", "1"};
    for (const std::vector<std::string>& words :
         std::vector<std::vector<std::string>>{{"--host", ""},
                                               {"--port", "1"},
                                               {"--unix", "/x"},
                                               {"--udp"},
                                               {"--backlog", "1"},
                                               {"--defer-accept"},
                                               {"--reuse-port"},
                                               {"--timeout", "1"},
                                               {"--line-timeout", "1"},
                                               {"--write-timeout", "1"},
                                               {"--requests-per-connection", "1"},
                                               {"--drain", "1"},
                                               {"--quiet"}})
        rows.push_back({words, all, all_inner, ""});
    const auto contains = [](const std::vector<std::string>& names, const std::string& name) {
        return std::find(names.begin(), names.end(), name) != names.end();
    };
    for (const Row& row : rows) {
        const std::string& option = row.words.front();
        BOOST_TEST_CONTEXT(option) {
            for (const std::string& mode : all) {
                std::vector<std::string> words = row.words;
                words.insert(words.end(), {"--mode", mode});
                BOOST_TEST(complaint(words) ==
                           (contains(row.modes, mode)
                                ? ""
                                : option + " cannot be used with --mode " + mode + "; it needs --mode " + row.cure));
            }
            if (option == "--inner" || !contains(row.modes, "preforking"))
                continue;
            for (const std::string& inner : all_inner) {
                std::vector<std::string> words = row.words;
                words.insert(words.end(), {"--mode", "preforking", "--inner", inner});
                const std::string cure = row.inner_modes.size() == 1 ? "selecting" : "threading or selecting";
                BOOST_TEST(complaint(words) == (contains(row.inner_modes, inner)
                                                    ? ""
                                                    : option + " cannot be used with --mode preforking --inner " +
                                                          inner + "; it needs --inner " + cure));
            }
        }
    }
    BOOST_TEST(complaint({"--own-listeners"}) ==
               "--own-listeners cannot be used with --mode selecting, the default; it needs --mode preforking");
}

BOOST_AUTO_TEST_CASE(options_that_do_not_go_together_are_refused) {
    BOOST_TEST(complaint({"--per-address-prefix", "24/64"}) == "--per-address-prefix needs --max-per-address");
    for (const std::vector<std::string>& words :
         std::vector<std::vector<std::string>>{{"--host", "1"},
                                               {"--port", "1"},
                                               {"--reuse-port"},
                                               {"--defer-accept"},
                                               {"--max-per-address", "1"},
                                               {"--per-address-prefix", "24/64"},
                                               {"--own-listeners", "--mode", "preforking"}}) {
        std::vector<std::string> with_unix = words;
        with_unix.insert(with_unix.end(), {"--unix", "/x"});
        BOOST_TEST(complaint(with_unix) == words.front() + " cannot be used with --unix");
    }
    for (const std::vector<std::string>& words :
         std::vector<std::vector<std::string>>{{"--timeout", "1"},
                                               {"--line-timeout", "1"},
                                               {"--write-timeout", "1"},
                                               {"--requests-per-connection", "1"},
                                               {"--backlog", "1"},
                                               {"--defer-accept"},
                                               {"--max-per-address", "1"},
                                               {"--per-address-prefix", "24/64"}}) {
        std::vector<std::string> with_udp = words;
        with_udp.emplace_back("--udp");
        BOOST_TEST(complaint(with_udp) == words.front() + " cannot be used with --udp");
    }
    BOOST_TEST(complaint({"--udp", "--reuse-port", "--max-connections", "1", "--drain", "1"}) == "");
    BOOST_TEST(complaint({"--udp", "--unix", "/x"}) == "");
    BOOST_TEST(complaint({"--udp", "--timeout", "1", "--help"}) == "");
}

BOOST_AUTO_TEST_CASE(help_may_be_on_something) {
    const CommandLine plain = parse({"--help"});
    BOOST_TEST(plain.help);
    BOOST_TEST(plain.topic == "");
    for (const std::string topic :
         {"all", "man", "modes", "blocking", "forking", "threading", "selecting", "thread-pool", "preforking"}) {
        const CommandLine line = parse({"--help=" + topic});
        BOOST_TEST(line.help);
        BOOST_TEST(line.topic == topic);
    }
    BOOST_TEST(parse({"--help", "all"}).topic == "");
    BOOST_TEST(parse({"--help="}).topic == "");
    BOOST_TEST(parse({"--help", "--port", "1"}).help);
    for (const std::vector<std::string>& arguments :
         std::vector<std::vector<std::string>>{{"-h"}, {"-h", "all"}, {"--port", "1", "-h"}}) {
        BOOST_TEST(parse(arguments).help);
        BOOST_TEST(parse(arguments).topic == "");
    }
    BOOST_TEST(parse({"--host", "-h"}).host == "-h");
    BOOST_TEST(complaint({"-h", "--help"}) == "option '--help' is given twice");
    BOOST_TEST(complaint({"--", "-h"}) == "unexpected argument '-h'");
    BOOST_TEST(complaint({"-x"}) == "unrecognised option '-x'");
    BOOST_TEST(complaint({"--help", "--port"}) == "the required argument for option '--port' is missing");
    BOOST_TEST(parse({"--host", "--help"}).host == "--help");
    BOOST_TEST(complaint({"--help", "--help"}) == "option '--help' is given twice");
    BOOST_TEST(complaint({"--", "--help"}) == "unexpected argument '--help'");
    BOOST_TEST(complaint({"--help=prefork"}) ==
               "--help: 'prefork' is not one of all, man, modes, blocking, forking, threading, selecting, thread-pool, "
               "preforking");
    BOOST_TEST(complaint({"--help=%s"}).starts_with("--help: '%s' is not one of all, "));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
