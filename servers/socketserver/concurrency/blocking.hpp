#pragma once

/// \file
/// One request at a time.

namespace socketserver {

/// The concurrency of a server that serves one request after the other, in the thread that calls serve_forever(). For
/// protocols whose requests are short, for debugging, and as the base of all others.
struct Blocking {
    /// What every server is by itself.
    template <class Base>
    using MixIn = Base;
};

}  // namespace socketserver
