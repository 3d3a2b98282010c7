// Pulls an image from a coroutine of a program that has an io_context already.
#include <gantry/engine.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <iostream>
#include <string>

namespace asio = boost::asio;

namespace {

asio::awaitable<int> pull(gantry::engine& engine, std::string name, std::string archive) {
  gantry::error_code ec;
  gantry::diagnostics text;
  const gantry::reference image = gantry::reference::parse(name, ec, text);
  if (!ec) {
    gantry::pull_options options;
    options.output = gantry::archive_file{archive};
    const auto token = asio::as_tuple(asio::use_awaitable);
    const auto [failed, result] = co_await engine.async_pull(image, options, text, token);
    if (!failed) {
      std::cout << result.images.front().manifest.digest.string() << '\n';
      co_return 0;
    }
  }
  std::cerr << text.message() << '\n';
  co_return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: pull_coroutine IMAGE ARCHIVE\n";
    return 2;
  }
  asio::io_context context;
  gantry::engine engine(context.get_executor(), gantry::engine_options());
  int status = 1;
  asio::co_spawn(context, pull(engine, argv[1], argv[2]), [&](std::exception_ptr broken, int code) {
    if (broken) std::rethrow_exception(broken);
    status = code;
  });
  context.run();
  return status;
}
