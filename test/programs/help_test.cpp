/// \file
/// What --help says of a server, at every width, and its manual page.

#include "help_text.hpp"
#include "parsing.hpp"

#include <support/case_guard.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <memory>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace socketserver::test {

namespace {

using detail::ServedProtocol;
using detail::ServerHelp;

std::string help(const ServedProtocol& protocol, const std::string& topic = "", std::size_t width = 80) {
    return detail::help_text(ServerHelp(protocol, "server").about(), topic, width);
}

std::vector<std::string> headings_of(const std::string& text) {
    std::vector<std::string> headings;
    for (const std::string& line : lines_of(text)) {
        if (line.ends_with(':') && !line.starts_with(' '))
            headings.push_back(line.substr(0, line.size() - 1));
    }
    return headings;
}

bool contains(const std::vector<std::string>& all, const std::string& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

/// How many characters a line has.
std::size_t length_of(const std::string& line) {
    return static_cast<std::size_t>(std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

/// A protocol with texts that are hard to print.
class Odd {
public:
    Odd() {
        protocol_.description = ".Begins with a dot, has 100 % of %canonical_option% and \\fBackslashes.";
        protocol_.options("%percent%", "50 % of %s and %1% " + std::string(300, 'x') + " end", text_);
        protocol_.options("lines", "one\ntwo\t\tthree   four", text_);
        protocol_.options("empty", "", text_);
        protocol_.options("accents", "z\u00e9bre \u4e16\u754c \u00e9\u00e9\u00e9\u00e9 \u00e9\u00e9\u00e9\u00e9",
                          text_);
        protocol_.options("an-option-with-a-very-long-name-indeed-that-fits-nowhere", "'quoted' \"text\" \\n", flag_);
        protocol_.options.argument("DIRECTORY", ".dot", text_);
    }
    [[nodiscard]] const ServedProtocol& protocol() const { return protocol_; }

private:
    ServedProtocol protocol_ = make_protocol();
    std::string text_ = "a default of several words, and a_long_word_in_it";
    bool flag_ = false;
};

const std::vector<std::string> topics{"",          "all",       "modes",       "blocking",  "forking",
                                      "threading", "selecting", "thread-pool", "preforking"};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(help_of_servers, CaseGuard)

BOOST_AUTO_TEST_CASE(plain_help_is_the_usage_and_a_dozen_options_by_groups) {
    const std::string text = help(make_protocol());
    BOOST_TEST(text.starts_with("usage: server [OPTION]...\n\nWhat it does.\n\nWhere to listen:\n  --host HOST "));
    const std::vector<std::string> dozen{"host",    "port",  "unix",  "udp",  "mode",   "workers", "max-connections",
                                         "timeout", "drain", "quiet", "help", "version"};
    BOOST_TEST(options_of(text) == dozen, boost::test_tools::per_element());
    const std::vector<std::string> headings{"Where to listen", "Concurrency", "Limits",   "Stopping",
                                            "Logging",         "Help",        "Examples", "More"};
    BOOST_TEST(headings_of(text) == headings, boost::test_tools::per_element());
    BOOST_TEST(text.find("\nExamples:\n  server --quiet &\n  nc 127.0.0.1 21567\n\nMore:\n  --help=all ") !=
               std::string::npos);
    BOOST_TEST(text.find("[default: 21567]") != std::string::npos);
    BOOST_TEST(text.find("(default") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_handlers_own_options_come_first_and_push_others_out_of_the_dozen) {
    for (const std::size_t count : {1U, 4U, 11U, 12U, 30U}) {
        ServedProtocol protocol = make_protocol();
        bool flag = false;
        for (std::size_t i = 0; i < count; ++i)
            protocol.options("own-" + std::to_string(i), "an option", flag);
        const std::vector<std::string> options = options_of(help(protocol));
        BOOST_TEST(options.size() == 12U);
        for (std::size_t i = 0; i < std::min<std::size_t>(count, 11); ++i)
            BOOST_TEST(options[i] == "own-" + std::to_string(i));
        BOOST_TEST(contains(options, "help"));
        BOOST_TEST(headings_of(help(protocol)).front() == "Options of server");
        BOOST_TEST(options_of(help(protocol, "all")).size() == count + options_of(help(make_protocol(), "all")).size());
    }
}

BOOST_AUTO_TEST_CASE(options_show_their_defaults_and_arguments_stand_before_them) {
    ServedProtocol protocol = make_protocol();
    bool flag = false;
    std::string text = "none";
    std::size_t count = 3;
    std::chrono::nanoseconds span = std::chrono::milliseconds{1500};
    protocol.options("flag", "a switch", flag);
    protocol.options("text", "a text", text);
    protocol.options("count", "a number", count);
    protocol.options("span", "a span of time", span);
    protocol.options.argument("DIR", "the folder", text);
    protocol.options.argument("WORD", "a word", text);
    const std::string page = help(protocol);
    BOOST_TEST(page.starts_with("usage: server [OPTION]... DIR WORD\n\nWhat it does.\n\n"
                                "Arguments:\n"
                                "  DIR            the folder\n"
                                "  WORD           a word\n\n"
                                "Options of server:\n"
                                "  --flag         a switch\n"
                                "  --text TEXT    a text [default: none]\n"
                                "  --count N      a number [default: 3]\n"
                                "  --span S       a span of time [default: 1.5]\n"),
               page);
    BOOST_TEST(detail::usage_line(ServerHelp(protocol, "server").about()) ==
               "usage: server [OPTION]... DIR WORD; server --help lists the options");
}

BOOST_AUTO_TEST_CASE(help_on_all_shows_every_option) {
    const std::vector<std::string> all{"host",
                                       "port",
                                       "unix",
                                       "udp",
                                       "backlog",
                                       "defer-accept",
                                       "reuse-port",
                                       "mode",
                                       "workers",
                                       "inner",
                                       "own-listeners",
                                       "selector",
                                       "max-connections",
                                       "max-per-address",
                                       "per-address-prefix",
                                       "timeout",
                                       "line-timeout",
                                       "write-timeout",
                                       "requests-per-connection",
                                       "drain",
                                       "quiet",
                                       "stall-limit",
                                       "help",
                                       "version"};
    BOOST_TEST(options_of(help(make_protocol(), "all")) == all, boost::test_tools::per_element());
    ServedProtocol streams_only = make_protocol();
    streams_only.datagrams = nullptr;
    BOOST_TEST(!contains(options_of(help(streams_only, "all")), "udp"));
}

BOOST_AUTO_TEST_CASE(help_on_a_mode_shows_the_options_that_it_takes) {
    // The parser is asked, which knows whether it takes one.
    for (const std::string mode : {"blocking", "forking", "threading", "selecting", "thread-pool", "preforking"}) {
        BOOST_TEST_CONTEXT(mode) {
            const ServedProtocol protocol = make_protocol();
            const std::string text = help(protocol, mode);
            BOOST_TEST(text.find("With --mode " + mode + ", ") != std::string::npos);
            const std::vector<std::string> shown = options_of(text);
            for (const std::string& option : options_of(help(protocol, "all"))) {
                if (option == "mode" || option == "help" || option == "version") {
                    BOOST_TEST(contains(shown, option), option);
                    continue;
                }
                std::vector<std::string> words{"--mode", mode, "--" + option};
                for (const std::string with_value :
                     {"host", "port", "unix", "backlog", "workers", "max-connections", "max-per-address", "timeout",
                      "line-timeout", "write-timeout", "requests-per-connection", "drain", "stall-limit"})
                    if (option == with_value)
                        words.emplace_back("1");
                if (option == "inner")
                    words.emplace_back("threading");
                if (option == "selector")
                    words.emplace_back("poll");
                if (option == "per-address-prefix")
                    words.insert(words.end(), {"24/64", "--max-per-address", "1"});
                bool taken = true;
                try {
                    static_cast<void>(detail::parse_command_line(protocol, words));
                } catch (const detail::UsageError& refusal) {
                    BOOST_TEST(std::string(refusal.what()).find(" cannot be used with --mode ") != std::string::npos,
                               refusal.what());
                    taken = false;
                }
                BOOST_TEST(contains(shown, option) == taken, option);
            }
        }
    }
    const std::string preforking = help(make_protocol(), "preforking", 1'000);
    BOOST_TEST(preforking.find("select [default: epoll] (with --inner selecting)\n") != std::string::npos);
    BOOST_TEST(preforking.find("[default: 0] (with --inner threading or selecting)\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(help_on_modes_says_which_option_belongs_to_which_mode) {
    const std::string text = help(make_protocol(), "modes", 200);
    BOOST_TEST(text.starts_with("Modes:\n  blocking "));
    for (const std::string line :
         {"  --workers N                 selecting, thread-pool, preforking\n",
          "  --inner MODE                preforking\n", "  --own-listeners             preforking\n",
          "  --selector NAME             selecting, preforking with --inner selecting\n",
          "  --max-connections N         forking, threading, selecting, preforking with --inner threading or "
          "selecting\n",
          "  --max-per-address N         forking, threading, selecting, thread-pool, preforking with --inner threading "
          "or selecting\n",
          "  --stall-limit S             selecting, preforking with --inner selecting\n",
          "All other options belong to every mode."})
        BOOST_TEST(text.find(line) != std::string::npos, "no '" << line << "' in\n" << text);
    BOOST_TEST(text.find("--port") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(no_line_is_wider_than_asked_unless_it_is_one_word) {
    const Odd odd;
    const ServedProtocol plain = make_protocol();
    for (const ServedProtocol* const protocol : {&plain, &odd.protocol()}) {
        for (const std::string& topic : topics) {
            for (const std::size_t width : {1U, 2U, 10U, 20U, 33U, 40U, 59U, 60U, 61U, 72U, 80U, 100U, 132U, 500U}) {
                for (const std::string& line : lines_of(help(*protocol, topic, width))) {
                    const std::string words = line.substr(std::min(line.find_first_not_of(' '), line.size()));
                    BOOST_TEST((length_of(line) <= width || words.find(' ') == std::string::npos),
                               topic << " at " << width << ": " << line);
                    BOOST_TEST(!line.ends_with(' '), topic << " at " << width << ": " << line);
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(every_width_shows_the_same_words) {
    const Odd odd;
    for (const std::string& topic : topics) {
        const auto words_at = [&](std::size_t width) {
            std::istringstream stream(help(odd.protocol(), topic, width));
            std::vector<std::string> words;
            for (std::string word; stream >> word;)
                words.push_back(word);
            return words;
        };
        for (const std::size_t width : {1U, 20U, 60U, 200U})
            BOOST_TEST(words_at(width) == words_at(80), boost::test_tools::per_element());
    }
    BOOST_TEST(help(odd.protocol(), "all", 400).find("50 % of %s and %1% xxx") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_manual_page_has_its_sections_and_every_option) {
    const Odd odd;
    const ServedProtocol plain = make_protocol();
    for (const ServedProtocol* const protocol : {&plain, &odd.protocol()}) {
        const std::string page = help(*protocol, "man");
        std::size_t before = 0;
        for (const std::string section :
             {"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "MODES", "EXIT STATUS", "EXAMPLES", "SEE ALSO"}) {
            const std::size_t at = page.find("\n.SH " + section + '\n');
            BOOST_TEST((at != std::string::npos && at > before), section);
            before = at;
        }
        for (const std::string& option : options_of(help(*protocol, "all"))) {
            BOOST_TEST(page.find("\n.TP\n\\fB\\-\\-" + std::regex_replace(option, std::regex("-"), "\\-")) !=
                           std::string::npos,
                       option);
        }
        for (const std::string& line : lines_of(page)) {
            static const std::regex request(R"(\.(TH|SH|SS) .*|\.(TP|PP|nf|fi|nh|br)|\.ad l)");
            if (line.starts_with('.'))
                BOOST_TEST(std::regex_match(line, request), line);
            BOOST_TEST(!line.starts_with('\''), line);
            BOOST_TEST(!line.empty());
            // Backslashes begin the escapes that the page means, no others.
            static const std::regex text(R"(([^\\]|\\(-|e|&|f[BIR]|\((dq|aq|ga|ti|ha)))*)");
            BOOST_TEST(std::regex_match(line, text), line);
        }
    }
    const std::string page = help(plain, "man");
    BOOST_TEST(page.starts_with(".TH \"SERVER\" 1 "));
    BOOST_TEST(page.find("\n.SH NAME\nserver \\- what it does\n") != std::string::npos);
    BOOST_TEST(page.find("\n\\fBserver\\fR [OPTION]...\n") != std::string::npos);
    BOOST_TEST(page.find(".nf\nserver \\-\\-quiet &\nnc 127.0.0.1 21567\n.fi\n") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
