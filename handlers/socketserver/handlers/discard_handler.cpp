#include <socketserver/handlers/discard_handler.hpp>

#include <socketserver/net/waiter.hpp>

namespace socketserver {

void DiscardHandler::handle() {
    // A client that sends as fast as we read leaves nothing to wait for, so the others get their turn by intent.
    while (!rfile.read_some().empty() && give_way() != WaitResult::cut) {
    }
}

}  // namespace socketserver
