#pragma once

/// \file
/// What is fuzzed: functions of bytes that somebody made up, each with the properties that must hold whatever they are.

#include <string_view>

namespace socketserver::fuzz {

// Each throws, or ends the program, if a property does not hold.

void fuzz_address(std::string_view bytes);        ///< addresses, from text and from what the kernel stores
void fuzz_command_line(std::string_view bytes);   ///< the command line of servers, an argument in each line
void fuzz_command_reply(std::string_view bytes);  ///< the head of a command service's reply
void fuzz_gopher(std::string_view bytes);         ///< gopher's requests, menus and texts
void fuzz_http(std::string_view bytes);           ///< replies to fetch, read through AsioStream
void fuzz_line_protocol(std::string_view bytes);  ///< how event-style protocols cut their input
void fuzz_lines(std::string_view bytes);          ///< BufferedReader
void fuzz_server(std::string_view bytes);         ///< whole servers, under clients that do anything
void fuzz_url(std::string_view bytes);            ///< URLs, and what a gopher URL names
void fuzz_utf8(std::string_view bytes);           ///< counting characters

}  // namespace socketserver::fuzz
