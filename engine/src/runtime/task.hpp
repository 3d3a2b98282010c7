#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace gantry::runtime {

namespace asio = boost::asio;

/// The strand that owns all engine state. Everything in this module that is not explicitly said to be thread-safe is used on it alone.
using executor = asio::any_io_executor;

template <class T = void>
using task = asio::awaitable<T>;

/// The one completion token: errors come back as values.
inline constexpr auto use_task = asio::as_tuple(asio::use_awaitable);

}  // namespace gantry::runtime
