#include "store/image_tree.hpp"

#include "model/media_type.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

namespace gantry::store {
namespace {

// DESIGN section 6, "index depth".
constexpr unsigned index_depth = 4;

class walker {
 public:
  walker(const content_store& store, const reference_record& record) : store_(store), record_(record) {}

  image_tree run() {
    const std::optional<model::document> top = read(record_.top);
    if (!top) tree_.unreadable.push_back(record_.top);
    if (top && std::holds_alternative<model::index>(*top)) follow(record_.top, std::get<model::index>(*top), 1);
    // Those that no index led to: of a single manifest, or behind an index that cannot be read.
    for (const descriptor& held : record_.manifests) add(held);
    return std::move(tree_);
  }

 private:
  std::optional<model::document> read(const descriptor& entry) const {
    const auto bytes = store_.read(entry, model::document_limit);
    if (!bytes) return std::nullopt;
    auto parsed = model::parse_document(*bytes, entry.media_type);
    return parsed ? std::optional(std::move(*parsed)) : std::nullopt;
  }

  bool recorded(const descriptor& entry) const {
    return std::any_of(record_.manifests.begin(), record_.manifests.end(),
                       [&](const descriptor& held) { return held.digest == entry.digest; });
  }

  void follow(const descriptor& self, const model::index& content, unsigned depth) {
    if (!seen_.insert(self.digest).second) return;
    tree_.indexes.push_back(self);
    for (const descriptor& entry : content.manifests) {
      if (!model::is_index(entry.media_type)) {
        add(entry);
      } else if (const auto inner = depth < index_depth ? read(entry) : std::nullopt;
                 inner && std::holds_alternative<model::index>(*inner)) {
        follow(entry, std::get<model::index>(*inner), depth + 1);
      }
    }
  }

  void add(const descriptor& entry) {
    if (!seen_.insert(entry.digest).second) return;
    image_tree::member one;
    one.entry = entry;
    one.required = recorded(entry);
    auto content = read(entry);
    if (content && std::holds_alternative<model::manifest>(*content)) {
      one.content = std::get<model::manifest>(std::move(*content));
    } else if (one.required && entry.digest != record_.top.digest) {
      tree_.unreadable.push_back(entry);
    }
    if (one.required || one.content) tree_.manifests.push_back(std::move(one));
  }

  const content_store& store_;
  const reference_record& record_;
  image_tree tree_;
  std::set<digest> seen_;
};

}  // namespace

void image_tree::for_each_blob(const std::function<void(const descriptor&, blob_role, bool)>& visit) const {
  bool top = true;
  for (const descriptor& one : indexes) visit(one, blob_role::manifest, std::exchange(top, false));
  for (const member& one : manifests) {
    visit(one.entry, blob_role::manifest, one.required);
    if (!one.content) continue;
    if (one.content->config.digest) visit(one.content->config, blob_role::config, one.required);
    // The content of a foreign layer may be had elsewhere only, or nowhere.
    for (const descriptor& layer : one.content->layers)
      visit(layer, blob_role::layer, one.required && !model::is_foreign_layer(layer.media_type));
  }
  for (const descriptor& one : unreadable) visit(one, blob_role::manifest, true);
}

image_tree walk(const content_store& store, const reference_record& record) { return walker(store, record).run(); }

}  // namespace gantry::store
