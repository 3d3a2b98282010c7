#include "faults/uploaded.hpp"

#include "faults/alone.hpp"
#include "support/catch.hpp"

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
  error_code ec;
  const reference source_image = reference::parse(from, ec);
  std::vector<reference> targets;
  for (const std::string& one : to) targets.push_back(reference::parse(one, ec));
  REQUIRE_FALSE(ec);
  return run_alone(settings, result,
                   [&](engine& one, auto done) { one.async_copy(source_image, targets, options, text, std::move(done)); });
}

void uploaded::fetch() {
  puller pulls(source);
  pulls.settings.cache_dir = settings.cache_dir;
  const pull_report pulled = pulls.pull();
  INFO(pulled.text.message());
  REQUIRE_FALSE(pulled.ec);
}

reference uploaded::fetched() const {
  error_code ec;
  reference name = reference::parse(source.host() + "/team/app:1.0", ec);
  REQUIRE_FALSE(ec);
  return name;
}

error_code uploaded::push(const push_source& from, const std::string& repository, const push_options& how) {
  error_code ec;
  const reference to = reference::parse(target.host() + "/" + repository + ":1.0", ec);
  REQUIRE_FALSE(ec);
  return run_alone(settings, pushed_result, [&](engine& one, auto done) { one.async_push(from, to, how, text, std::move(done)); });
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
