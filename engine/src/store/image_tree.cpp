#include "store/image_tree.hpp"

#include "model/media_type.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <variant>

namespace gantry::store {
namespace {

std::optional<model::document> read_document(const content_store& store, const descriptor& entry) {
  const auto bytes = store.read(entry, model::document_limit);
  if (!bytes) return std::nullopt;
  auto parsed = model::parse_document(*bytes, entry.media_type);
  return parsed ? std::optional(std::move(*parsed)) : std::nullopt;
}

bool lists(const std::vector<descriptor>& list, const descriptor& one) {
  return std::any_of(list.begin(), list.end(), [&one](const descriptor& other) { return other.digest == one.digest; });
}

class walker {
 public:
  walker(const content_store& store, const reference_record& record) : store_(store), record_(record) {}

  image_tree run() {
    const std::optional<model::document> top = read(record_.top);
    if (!top) {
      tree_.unreadable.push_back(record_.top);
    } else if (const auto* index = std::get_if<model::index>(&*top)) {
      follow(record_.top, *index, 1);
    } else {
      add(record_.top);
    }
    // Those that no other led to, since it cannot be read.
    for (const descriptor& inner : record_.indexes) visit(inner, 2);
    const bool all_reached = std::all_of(record_.manifests.begin(), record_.manifests.end(),
                                         [this](const descriptor& held) { return seen_.contains(held.digest); });
    if (!all_reached) tree_.unreadable.insert(tree_.unreadable.end(), closed_.begin(), closed_.end());
    // Those that no index led to: of a single manifest, or behind an index that cannot be read.
    for (const descriptor& held : record_.manifests) add(held);
    return std::move(tree_);
  }

 private:
  std::optional<model::document> read(const descriptor& entry) const { return read_document(store_, entry); }

  bool recorded(const descriptor& entry) const { return lists(record_.manifests, entry); }

  /// \returns whether a manifest of the record is behind it
  bool follow(const descriptor& self, const model::index& content, unsigned depth) {
    if (!seen_.insert(self.digest).second) return false;
    const std::size_t place = tree_.indexes.size();
    tree_.indexes.push_back({self, false});
    bool needed = depth == 1 || lists(record_.indexes, self);
    for (const descriptor& entry : content.manifests) {
      if (!model::is_index(entry.media_type)) {
        add(entry);
        needed = needed || recorded(entry);
      } else {
        const bool leads_there = visit(entry, depth + 1);
        needed = needed || leads_there;
      }
    }
    tree_.indexes[place].required = needed;
    return needed;
  }

  /// Follows a nested index, the \p depth -th on its way. \returns as \ref follow
  bool visit(const descriptor& entry, unsigned depth) {
    if (seen_.contains(entry.digest)) return false;
    const auto inner = depth <= index_depth ? read(entry) : std::nullopt;
    if (inner && std::holds_alternative<model::index>(*inner)) return follow(entry, std::get<model::index>(*inner), depth);
    seen_.insert(entry.digest);
    tree_.partial = true;
    if (lists(record_.indexes, entry)) {
      tree_.unreadable.push_back(entry);
    } else if (depth <= index_depth) {
      closed_.push_back(entry);
    }
    return false;
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
    tree_.partial = tree_.partial || !one.content;
    if (one.required || one.content) tree_.manifests.push_back(std::move(one));
  }

  const content_store& store_;
  const reference_record& record_;
  image_tree tree_;
  std::set<digest> seen_;
  std::vector<descriptor> closed_;  ///< nested indexes that cannot be read, and of which the record does not say that they were there
};

}  // namespace

void image_tree::for_each_blob(const std::function<void(const descriptor&, blob_role, bool)>& visit) const {
  for (const index& one : indexes) visit(one.entry, blob_role::manifest, one.required);
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

std::vector<descriptor> nested_indexes(const content_store& store, const descriptor& top) {
  std::vector<descriptor> found;
  std::vector<descriptor> level(1, top);
  for (unsigned depth = 1; depth <= index_depth && !level.empty(); ++depth) {
    std::vector<descriptor> next;
    for (const descriptor& one : level) {
      if (!model::is_index(one.media_type)) continue;
      const auto content = read_document(store, one);
      const auto* index = content ? std::get_if<model::index>(&*content) : nullptr;
      if (index == nullptr) continue;
      if (depth > 1) {
        descriptor plain;
        plain.media_type = one.media_type;
        plain.digest = one.digest;
        plain.size = one.size;
        found.push_back(std::move(plain));
      }
      for (const descriptor& entry : index->manifests) {
        if (model::is_index(entry.media_type) && !lists(found, entry) && !lists(next, entry)) next.push_back(entry);
      }
    }
    level = std::move(next);
  }
  std::sort(found.begin(), found.end(), [](const descriptor& a, const descriptor& b) { return a.digest < b.digest; });
  return found;
}

}  // namespace gantry::store
