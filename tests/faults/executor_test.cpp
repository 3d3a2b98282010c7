#include "faults/puller.hpp"
#include "support/catch.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/io_context.hpp>

#include <thread>

namespace gantry::test {
namespace {

TEST_CASE("a handler with an executor of its own keeps that executor's context at work") {
  fake_registry registry;
  registry.hold("team/app", "1.0", app_image());
  const temp_dir directory;
  engine_options settings;
  settings.cache_dir = directory / "store";
  settings.plain_http = {registry.host()};
  settings.sync = false;
  error_code ec;
  const reference name = reference::parse(registry.host() + "/team/app:1.0", ec);
  pull_options options;
  options.platforms = {platform::parse("linux/amd64", ec)};

  engine one(settings);
  boost::asio::io_context mine;
  bool completed = false;
  std::thread::id where;
  diagnostics text;
  one.async_pull(name, options, text, boost::asio::bind_executor(mine.get_executor(), [&](error_code failed, pull_result) {
                   CHECK_FALSE(failed);
                   completed = true;
                   where = std::this_thread::get_id();
                 }));
  mine.run();  // returns when it has nothing left to do, which must not be before the pull is over
  CHECK(completed);
  CHECK(where == std::this_thread::get_id());

  bool stopped = false;
  mine.restart();
  one.async_shutdown(boost::asio::bind_executor(mine.get_executor(), [&](error_code) { stopped = true; }));
  mine.run();
  CHECK(stopped);
}

}  // namespace
}  // namespace gantry::test
