#include "store_session.hpp"

namespace gantry::app {

engine_options store_engine_options(const common_options& common, session& work) {
  engine_options settings;
  settings.cache_dir = common.cache_dir;
  settings.sync = common.sync;
  settings.log = work.debug_log();
  return settings;
}

}  // namespace gantry::app
