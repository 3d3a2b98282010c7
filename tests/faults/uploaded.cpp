#include "faults/uploaded.hpp"

#include "support/catch.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <utility>

namespace gantry::test {

uploaded::uploaded() {
  source.hold("team/app", "1.0", image);
  settings = puller(source).settings;
  settings.plain_http.insert(target.host());
  settings.jobs = 1;  // one blob at a time, the largest first, so that the first PUT is known
  settings.cache_dir = directory / "store";
}

error_code uploaded::copy(const std::string& from, const std::vector<std::string>& to) {
  boost::asio::io_context context;
  error_code ec;
  const reference source_image = reference::parse(from, ec);
  std::vector<reference> targets;
  for (const std::string& one : to) targets.push_back(reference::parse(one, ec));
  REQUIRE_FALSE(ec);
  bool completed = false;
  {
    engine one(context.get_executor(), settings);
    one.async_copy(source_image, targets, options, text, [&](error_code failed, copy_result made) {
      ec = failed;
      result = std::move(made);
      completed = true;
      one.async_shutdown([](error_code) {});
    });
    context.run_for(std::chrono::minutes(5));
  }
  REQUIRE(completed);
  return ec;
}

bool uploaded::complete(const upload_registry& there) const {
  bool all = there.has_tag("copied/app", "1.0") && there.blob(image.config.digest) == image.config.bytes;
  for (const test_blob& layer : image.layers) all = all && there.blob(layer.digest) == layer.bytes;
  return all;
}

std::uint64_t uploaded::all_bytes() const {
  std::uint64_t all = image.config.bytes.size();
  for (const test_blob& layer : image.layers) all += layer.bytes.size();
  return all;
}

}  // namespace gantry::test
