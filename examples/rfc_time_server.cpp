/// \file
/// The time service (RFC 868): `rdate -p -o 3737 127.0.0.1`.

#include <socketserver/handlers/rfc_time_handler.hpp>
#include <socketserver/run_server.hpp>

namespace ss = socketserver;

int main(int argc, char* argv[]) {
    return ss::run_server<ss::RfcTimeHandler, ss::RfcTimeDatagramHandler>(argc, argv);
}
