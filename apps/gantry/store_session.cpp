#include "store_session.hpp"

#include <utility>

namespace gantry::app {

engine_options store_engine_options(const common_options& common, session& work) {
  engine_options settings;
  settings.cache_dir = common.cache_dir;
  settings.sync = common.sync;
  settings.log = work.debug_log();
  return settings;
}

answer<list_result> list_store(engine& keeper, session& work, store_warnings warnings) {
  list_options options;
  return work.run<list_result>(options, "the store", [&](diagnostics& text, auto token) {
    if (warnings == store_warnings::silent) options.on_event = nullptr;
    keeper.async_list(std::move(options), text, std::move(token));
  });
}

}  // namespace gantry::app
