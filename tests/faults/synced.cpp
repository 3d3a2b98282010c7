#include "faults/synced.hpp"

#include "faults/alone.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <utility>

namespace gantry::test {

test_image small_image(std::uint32_t seed, const std::string& architecture) {
  image_recipe recipe;
  recipe.architecture = architecture;
  recipe.layers = {300};
  recipe.seed = seed;
  return build_image(recipe);
}

synced::synced() {
  settings = puller(source).settings;
  settings.cache_dir = directory / "store";
  settings.plain_http.insert(target.host());
  settings.jobs = 4;
  options.to = push_prefix{target.host(), "mirror"};
  options.lock_file = directory / "images.lock.json";
}

sync_list synced::list(std::string text) const {
  const std::string word = "SOURCE";
  for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos;) text.replace(at, word.size(), source.host());
  error_code ec;
  diagnostics why;
  sync_list made = parse_sync_list(text, "images.json", ec, why);
  INFO(why.message());
  REQUIRE_FALSE(ec);
  return made;
}

sync_report synced::run(sync_list what, unsigned stop_after) {
  sync_report report;
  boost::asio::cancellation_signal stop;
  sync_options given = options;
  given.on_event = [&](const event& told) {
    if (options.on_event) options.on_event(told);
    if (stop_after != 0 && target.count("PUT manifest") >= stop_after) stop.emit(boost::asio::cancellation_type::terminal);
  };
  report.ec = run_alone(settings, report.result, [&](engine& one, auto done) {
    one.async_sync(std::move(what), given, report.text, boost::asio::bind_cancellation_slot(stop.slot(), std::move(done)));
  });
  return report;
}

unsigned writes(const upload_registry& target) {
  return target.count("PUT manifest") + target.count("PUT blob") + target.count("POST session") + target.count("POST mount") +
         target.count("PATCH blob");
}

}  // namespace gantry::test
