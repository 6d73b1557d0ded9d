/// \file
/// A server as users write them, by the library alone, without run_server(). It prints, and its handler does what it is told. One
/// command a line:
///
///     lost         says how many lines of the log were lost
///     print WORD   prints a line by std::cout, by printf(3) and to the file "records", and flushes none
///     stop         shuts the server down
///     throw        throws an exception
///
/// usage: plain_server MODE PATH [records [unsynced]]
///
/// MODE is one of the fault suite's, PATH where the Unix socket is to be; "records" has it open that file, "unsynced" has std::cout keep
/// a buffer of its own.

#include <socketserver/socketserver.hpp>

#include <cstdio>
#include <iostream>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>

namespace ss = socketserver;

namespace {

std::FILE* records = nullptr;

class Handler : public ss::StreamRequestHandler {
public:
    using StreamRequestHandler::StreamRequestHandler;

    void handle() override {
        while (const auto line = rfile.read_line()) {
            if (line->starts_with("print "))
                print(line->substr(std::string_view("print ").size()));
            else if (*line == "throw")
                throw std::runtime_error("as told");
            else if (*line == "stop")
                server.request_shutdown();
            if (*line == "lost")
                wfile << server.statistics().log_lines_lost << '\n';
            else
                wfile << *line << '\n';
        }
    }

private:
    static void print(std::string_view word) {
        static std::mutex printing;
        const std::lock_guard lock(printing);
        std::cout << "cout " << word << '\n';
        std::printf("printf %.*s\n", static_cast<int>(word.size()), word.data());
        if (records != nullptr)
            std::fprintf(records, "record %.*s\n", static_cast<int>(word.size()), word.data());
    }
};

template <class Concurrency>
void serve(const std::string& path) {
    std::cout << "before\n";
    if (records != nullptr)
        std::fputs("before\n", records);
    {
        ss::UnixStreamServer<Handler, Concurrency> server(path, {.preforking = {.workers = 2}});
        std::cout << "bound\n";
        server.serve_forever();
    }
    std::cout << "after\n";
}

}  // namespace

int main(int argc, char* argv[]) {
    if (argc >= 5)
        std::ios::sync_with_stdio(false);
    if (argc >= 4)
        records = std::fopen("records", "ae");
    const std::string mode = argc >= 3 ? argv[1] : "";
    const bool served =
        ss::with_concurrency(mode, [argv]<class Concurrency>(Concurrency) { serve<Concurrency>(argv[2]); });
    return served ? 0 : 2;
}
