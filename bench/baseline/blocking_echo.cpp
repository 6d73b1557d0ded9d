/// \file
/// One connection after the other, by blocking calls: what Blocking is held against.

#include "blocking.hpp"

int main(int argc, char* argv[]) {
    const baseline::Arguments arguments = baseline::prepare(argc, argv);
    const int listener = baseline::bind_to(arguments.port, SOCK_STREAM);
    for (;;)
        baseline::serve(baseline::accept_one(listener), arguments);
}
