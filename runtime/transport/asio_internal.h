// The few asio types in use, with the concrete executor: the type-erased default costs an indirection per handler.
#pragma once

#include <asio/basic_waitable_timer.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/basic_stream_descriptor.hpp>
#include <chrono>

namespace orrery {

using Descriptor = asio::posix::basic_stream_descriptor<asio::io_context::executor_type>;
using SteadyTimer = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>,
                                               asio::io_context::executor_type>;

}  // namespace orrery
