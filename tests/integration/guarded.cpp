#include "integration/guarded.hpp"

#include "support/image_builder.hpp"

#include <utility>

namespace gantry::test {

guarded_registry::guarded_registry(const token_server* tokens) {
  docker_registry open(directory_ / "open", {directory_ / "storage"});
  image_recipe recipe;
  recipe.layers = {30'000, 200'000};
  push(open.port(), "team/app", "1.0", build_image(recipe));
  open.stop();
  registry_options options{directory_ / "storage"};
  if (tokens == nullptr) {
    options.username = user;
    options.password = password;
  } else {
    options.token_realm = tokens->realm();
    options.token_service = token_server::service();
    options.token_issuer = token_server::issuer();
    options.token_certificate = tokens->certificate();
  }
  registry_ = std::make_unique<docker_registry>(directory_ / "guarded", std::move(options));
}

}  // namespace gantry::test
