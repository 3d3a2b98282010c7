#include "support/upload_registry.hpp"

#include "support/upload_registry_state.hpp"

#include <algorithm>

namespace gantry::test {

upload_registry::upload_registry() : state_(std::make_unique<state>()) {
  std::vector<conversation> script;
  script.emplace_back([s = state_.get()](socket_handle& connection) {
    {
      const std::scoped_lock lock(s->mutex);
      s->most_open = std::max(s->most_open, ++s->open);
    }
    s->talk(connection);
    const std::scoped_lock lock(s->mutex);
    --s->open;
  });
  state_->server = std::make_unique<scripted_server>(std::move(script));
}

upload_registry::~upload_registry() = default;

std::string upload_registry::host() const { return "127.0.0.1:" + std::to_string(state_->server->port()); }

void upload_registry::fail(const std::string& request, upload_fault what, unsigned first, unsigned count) {
  const std::scoped_lock lock(state_->mutex);
  state_->rules.push_back({request, std::move(what), first, count});
}

void upload_registry::heal() {
  const std::scoped_lock lock(state_->mutex);
  state_->rules.clear();
}

void upload_registry::forget_sessions() {
  const std::scoped_lock lock(state_->mutex);
  state_->content.sessions.clear();
}

void upload_registry::hold(const std::string& repository, const std::string& tag, const test_image& image) {
  const std::scoped_lock lock(state_->mutex);
  const auto add = [&](const test_blob& one) {
    state_->content.blobs[one.digest] = one.bytes;
    state_->content.held.emplace(repository, one.digest);
  };
  for (const test_blob& layer : image.layers) add(layer);
  add(image.config);
  for (const std::string& name : {tag, image.manifest.digest}) {
    state_->content.manifests[repository + "/manifests/" + name] = {image.manifest.media_type, image.manifest.bytes};
  }
}

void upload_registry::hold_manifest(const std::string& repository, const std::string& name, const test_blob& manifest) {
  const std::scoped_lock lock(state_->mutex);
  state_->content.manifests[repository + "/manifests/" + name] = {manifest.media_type, manifest.bytes};
}

void upload_registry::offer_referrers() {
  const std::scoped_lock lock(state_->mutex);
  state_->content.lists_referrers = true;
}

void upload_registry::open_sessions_with(const std::string& headers) {
  const std::scoped_lock lock(state_->mutex);
  state_->content.session_fields = headers;
}

void upload_registry::list_tags_in_circles() {
  const std::scoped_lock lock(state_->mutex);
  state_->content.tags_in_circles = true;
}

void upload_registry::delete_by_tag() {
  const std::scoped_lock lock(state_->mutex);
  state_->content.deletes_by_tag = true;
}

void upload_registry::cut_connections_after(std::uint64_t bytes) {
  const std::scoped_lock lock(state_->mutex);
  state_->cut_after = bytes;
}

void upload_registry::believe_digests() {
  const std::scoped_lock lock(state_->mutex);
  state_->content.believes = true;
}

void upload_registry::drop_cut_sessions() {
  const std::scoped_lock lock(state_->mutex);
  state_->drops_cut = true;
}

std::optional<std::string> upload_registry::blob(const std::string& digest) const {
  const std::scoped_lock lock(state_->mutex);
  const auto found = state_->content.blobs.find(digest);
  return found == state_->content.blobs.end() ? std::nullopt : std::optional(found->second);
}

bool upload_registry::has_tag(const std::string& repository, const std::string& tag) const {
  const std::scoped_lock lock(state_->mutex);
  return state_->content.manifests.contains(repository + "/manifests/" + tag);
}

std::optional<std::string> upload_registry::manifest(const std::string& repository, const std::string& name) const {
  const std::scoped_lock lock(state_->mutex);
  const auto found = state_->content.manifests.find(repository + "/manifests/" + name);
  return found == state_->content.manifests.end() ? std::nullopt : std::optional(found->second.bytes);
}

void upload_registry::gather(const std::string& request, unsigned count) {
  const std::scoped_lock lock(state_->mutex);
  state_->gathered[request] = count;
}

unsigned upload_registry::most_at_once(const std::string& request) const {
  const std::scoped_lock lock(state_->mutex);
  const auto found = state_->most.find(request);
  return found == state_->most.end() ? 0 : found->second;
}

unsigned upload_registry::most_open() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->most_open;
}

unsigned upload_registry::count(const std::string& request) const {
  const std::scoped_lock lock(state_->mutex);
  const auto found = state_->asked.find(request);
  return found == state_->asked.end() ? 0 : found->second;
}

std::set<std::string> upload_registry::written() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->content.names_written;
}

std::uint64_t upload_registry::taken() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->taken;
}

}  // namespace gantry::test
