#pragma once

/// \file
/// Everything: servers, their concurrencies, the bases of handlers, sockets. Ready-made handlers are in
/// socketserver/handlers/.

#include <socketserver/aliases.hpp>
#include <socketserver/concurrencies.hpp>
#include <socketserver/datagram_request_handler.hpp>
#include <socketserver/fiber/condition_variable.hpp>
#include <socketserver/fiber/mutex.hpp>
#include <socketserver/fiber/task_group.hpp>
#include <socketserver/line_protocol.hpp>
#include <socketserver/net/offload.hpp>
#include <socketserver/net/poll_waiter.hpp>
#include <socketserver/net/resolve.hpp>
#include <socketserver/net/socket_functions.hpp>
#include <socketserver/net/socket_stream.hpp>
#include <socketserver/os/ctime.hpp>
#include <socketserver/os/process_mutex.hpp>
#include <socketserver/os/shared_memory.hpp>
#include <socketserver/protocol_factory.hpp>
#include <socketserver/stream_request_handler.hpp>
