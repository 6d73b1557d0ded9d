#pragma once

/// \file
/// Whether the compiler was asked for AddressSanitizer or ThreadSanitizer. For the sources of this folder.

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SOCKETSERVER_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define SOCKETSERVER_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define SOCKETSERVER_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define SOCKETSERVER_TSAN 1
#endif
