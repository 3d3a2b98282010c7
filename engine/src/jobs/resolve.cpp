#include "jobs/resolve.hpp"

#include "model/digester.hpp"
#include "model/media_type.hpp"
#include "model/platform_match.hpp"
#include "registry/manifest_requests.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace gantry::jobs {
namespace {

using runtime::lane;
using runtime::offload;

// DESIGN section 6, "index depth".
constexpr unsigned index_depth = 4;

std::string list_platforms(const std::vector<platform>& platforms) {
  std::string text;
  for (const platform& one : platforms) text += (text.empty() ? "" : ", ") + to_string_all(one);
  return text;
}

failure no_platform(const reference& image, const platform& wanted, const std::vector<platform>& there) {
  const std::string choice = there.empty() ? "it names none" : "there is " + list_platforms(there);
  return {errc::platform_not_found, fmt::format("{} has no image for {}; {}", image.string(), to_string_all(wanted), choice)};
}

failure not_in_store(const reference& image, std::string_view what) {
  return {errc::not_found,
          fmt::format("{}{} is not in the store, and nothing is fetched offline; pull it once with a network", what, image.string())};
}

result<std::optional<store::reference_record>> record_of(const store::document_store& store, const reference& image, bool offline) {
  auto record = store.find_reference(image);
  if (!record || *record || !image.digest()) return record;
  if (!image.tag().empty()) {
    // The tag may have been pulled before, and have led to just this digest.
    auto tagged = store.find_reference(image.with_digest({}));
    if (!tagged || (*tagged && (*tagged)->top.digest == image.digest())) return tagged;
  }
  // A bundle brings names by tag across an air gap, and what runs there asks by digest. With a network the registry says whether it may.
  if (offline) return store.find_by_content(image);
  return std::optional<store::reference_record>();
}

/// What the store holds of \p blob; nothing when it has to be fetched. A copy that cannot be read, or is damaged, is fetched again like a
/// missing one, unless nothing is fetched at all: then it is the reason.
result<std::optional<std::string>> held_document(const store::document_store& store, const descriptor& blob, bool offline) {
  if (!store.holds(blob)) return std::optional<std::string>();
  auto bytes = store.read(blob, model::document_limit);
  if (!bytes && offline) return bytes.error();
  return bytes ? std::optional(std::move(*bytes)) : std::optional<std::string>();
}

}  // namespace

task<result<void>> resolver::keep(descriptor entry, std::string bytes) {
  auto call = [store = store_, entry = std::move(entry), bytes = std::move(bytes)] { return store->put(entry, bytes); };
  co_return co_await offload(shared_.lanes, lane::files, std::move(call));
}

task<result<resolver::served>> resolver::fetch_top(reference image) {
  if (offline_) co_return not_in_store(image, "");
  auto ask = [this, image] { return shared_.registry.get_manifest(image, running_.stop); };
  auto got = co_await transfer::with_retry<registry::document>(shared_, running_, "manifest of " + image.familiar(), ask, image.registry());
  if (!got) co_return got.error();
  served found{got->top, std::move(got->bytes)};
  co_return found;
}

task<result<std::string>> resolver::fetch_document(reference image, descriptor entry) {
  auto look = [store = store_, entry, offline = offline_] { return held_document(*store, entry, offline); };
  result<std::optional<std::string>> held = co_await offload(shared_.lanes, lane::files, std::move(look));
  if (!held) co_return held.error();
  if (*held) co_return std::move(**held);
  if (entry.size > model::document_limit) {
    co_return failure(errc::limit_exceeded, fmt::format("{} names a manifest of {} bytes; more than {} are not accepted", image.string(),
                                                        entry.size, model::document_limit));
  }
  result<std::optional<std::string>> carried = model::inline_content(entry);
  if (!carried) co_return carried.error();
  std::string bytes;
  if (*carried) {
    bytes = std::move(**carried);
  } else {
    auto got = co_await fetch_top(image.with_digest(entry.digest));
    if (!got) co_return got.error();
    bytes = std::move(got->bytes);
  }
  const result<void> kept = co_await keep(entry, bytes);
  if (!kept) co_return kept.error();
  co_return bytes;
}

task<result<std::string>> resolver::fetch_small_blob(reference image, descriptor blob) {
  auto look = [store = store_, blob, offline = offline_] { return held_document(*store, blob, offline); };
  result<std::optional<std::string>> held = co_await offload(shared_.lanes, lane::files, std::move(look));
  if (!held) co_return held.error();
  if (*held) co_return std::move(**held);
  result<std::optional<std::string>> carried = model::inline_content(blob);
  if (!carried) co_return carried.error();
  std::string bytes;
  if (*carried) {
    bytes = std::move(**carried);
  } else {
    if (offline_) co_return not_in_store(image, "the configuration of ");
    auto ask = [this, image, blob] { return shared_.registry.read_blob(image, blob, running_.stop); };
    auto got = co_await transfer::with_retry<std::string>(shared_, running_, "config " + std::string(blob.digest.short_form()), ask,
                                                          image.registry());
    if (!got) co_return got.error();
    bytes = std::move(*got);
    running_.received(bytes.size());
    fetched_.insert(blob.digest);
  }
  const result<void> kept = co_await keep(blob, bytes);
  if (!kept) co_return kept.error();
  co_return bytes;
}

task<result<model::manifest>> resolver::fetch_manifest(reference image, descriptor entry) {
  const result<std::string> bytes = co_await fetch_document(image, entry);
  if (!bytes) co_return bytes.error();
  const std::string what = fmt::format("manifest {} of {}", entry.digest.short_form(), image.string());
  result<model::document> parsed = model::parse_document(*bytes, entry.media_type, what);
  if (!parsed) co_return parsed.error();
  if (auto* content = std::get_if<model::manifest>(&*parsed)) co_return std::move(*content);
  co_return failure(errc::malformed_document, fmt::format("{} is an index where its own index says it is a manifest", what));
}

task<result<gantry::platform>> resolver::platform_of(reference image, const model::manifest& manifest) {
  if (!model::is_image(manifest)) co_return gantry::platform();
  const descriptor config = manifest.config;
  const result<std::string> bytes = co_await fetch_small_blob(image, config);
  if (!bytes) co_return bytes.error();
  const auto parsed = model::parse_image_config(*bytes, fmt::format("the configuration of {}", image.string()));
  if (!parsed) co_return parsed.error();
  co_return normalise(parsed->platform);
}

task<bool> resolver::is_still(reference image, descriptor known) {
  if (!shared_.registry.counts_pulls(image)) co_return false;
  const transfer::connection_grant grant = co_await transfer::connection_to(shared_, image.registry(), running_.stop);
  if (!grant) co_return false;
  const auto said = co_await registry::head_manifest(shared_.registry, std::move(image), running_.stop);
  if (!said || !said->has_value()) co_return false;
  co_return said->value().digest == known.digest;
}

task<result<resolved_image>> resolver::resolve(reference image, platform_choice choice) {
  resolved_image found;
  found.name = image;
  std::string bytes;
  found.known_as = image;
  auto look = [store = store_, image, offline = offline_] { return record_of(*store, image, offline); };
  const result<std::optional<store::reference_record>> looked = co_await offload(shared_.lanes, lane::files, std::move(look));
  if (!looked && offline_) co_return looked.error();
  // One that cannot be read is asked for like one that is not there.
  const std::optional<store::reference_record> known = looked ? *looked : std::nullopt;
  held_.clear();
  bool unchanged = false;
  if (known && !image.digest() && !offline_) unchanged = co_await is_still(image, known->top);
  if (known && (image.digest() || offline_)) {
    for (const descriptor& manifest : known->manifests) held_.insert(manifest.digest);
    found.stored_as = known->name;
    result<std::string> held = co_await fetch_document(image, known->top);
    if (!held) co_return held.error();
    found.top = known->top;
    bytes = std::move(*held);
  } else if (unchanged) {
    result<std::string> held = co_await fetch_document(image.with_digest(known->top.digest), known->top);
    if (!held) co_return held.error();
    found.top = known->top;
    bytes = std::move(*held);
  } else {
    auto got = co_await fetch_top(image);
    if (!got) co_return got.error();
    found.top = got->top;
    bytes = std::move(got->bytes);
    if (on_new_content_ && (!known || known->top.digest != found.top.digest)) on_new_content_(image);
  }
  const std::string what = fmt::format("the manifest of {}", image.string());
  const result<model::document> parsed = model::parse_document(bytes, found.top.media_type, what);
  if (!parsed) co_return parsed.error();
  if (const auto* content = std::get_if<model::index>(&*parsed)) {
    found.top.media_type = content->media_type;
    found.words = std::make_shared<model::index_words>(bytes);
  } else {
    found.top.media_type = std::get<model::manifest>(*parsed).media_type;
  }
  const result<void> kept = co_await keep(found.top, std::move(bytes));
  if (!kept) co_return kept.error();
  if (const auto* content = std::get_if<model::index>(&*parsed))
    co_return co_await resolve_index(std::move(found), *content, std::move(choice));
  co_return co_await resolve_single(std::move(found), std::get<model::manifest>(*parsed), std::move(choice));
}

task<result<resolved_image>> resolver::resolve_single(resolved_image found, model::manifest content, platform_choice choice) {
  const reference name = found.name;
  result<gantry::platform> runs_on = gantry::platform();
  if (!choice.all || !choice.nameless) runs_on = co_await platform_of(name, content);
  if (!runs_on) co_return runs_on.error();
  if (model::is_image(content) && !choice.all) {
    for (const platform& wanted : choice.platforms) {
      model::index only;
      descriptor self = found.top;
      self.platform = *runs_on;
      only.manifests.push_back(std::move(self));
      if (model::choose(only, wanted) == nullptr) co_return no_platform(name, wanted, model::platforms_of(only));
    }
    if (choice.platforms.empty() && !model::matches(platform::host(), *runs_on)) {
      running_.events.emit(warning{fmt::format("{} is a single image for {}, which this machine ({}) may not run", name.familiar(),
                                               to_string_all(*runs_on), to_string(platform::host()))});
    }
  }
  resolved_manifest only;
  only.entry = found.top;
  only.content = std::move(content);
  only.image_platform = *runs_on;
  found.manifests.push_back(std::move(only));
  co_return found;
}

task<result<void>> resolver::flatten(resolved_image& found, model::index& leaves, std::vector<descriptor>& indexes,
                                     std::vector<descriptor> entries, unsigned depth) {
  const reference image = found.name;
  for (descriptor& entry : entries) {
    if (!model::is_index(entry.media_type)) {
      leaves.manifests.push_back(std::move(entry));
      continue;
    }
    if (depth == index_depth) {
      co_return failure(errc::limit_exceeded, fmt::format("{} nests indexes deeper than {} levels", image.string(), index_depth));
    }
    const result<std::string> bytes = co_await fetch_document(image, entry);
    if (!bytes) co_return bytes.error();
    const std::string what = fmt::format("index {} of {}", entry.digest.short_form(), image.string());
    const result<model::document> parsed = model::parse_document(*bytes, entry.media_type, what);
    if (!parsed) co_return parsed.error();
    const auto* inner = std::get_if<model::index>(&*parsed);
    if (inner == nullptr)
      co_return failure(errc::malformed_document, fmt::format("{} is a manifest where its own index says it is an index", what));
    indexes.push_back(entry);
    found.words->add_inner(entry.digest, *bytes);
    const result<void> deeper = co_await flatten(found, leaves, indexes, inner->manifests, depth + 1);
    if (!deeper) co_return deeper.error();
    // Indexes count as well: each is a request, and there may be no manifest in them.
    if (leaves.manifests.size() + indexes.size() > model::index_limit) {
      co_return failure(errc::limit_exceeded, fmt::format("{} names more than {} manifests", image.string(), model::index_limit));
    }
  }
  co_return result<void>();
}

task<result<void>> resolver::name_platforms(reference image, model::index& leaves) {
  for (descriptor& entry : leaves.manifests) {
    if (entry.platform || model::is_attestation(entry) || !model::is_manifest(entry.media_type)) continue;
    const descriptor asked = entry;
    const result<model::manifest> content = co_await fetch_manifest(image, asked);
    if (!content) co_return content.error();
    const result<gantry::platform> runs_on = co_await platform_of(image, *content);
    if (!runs_on) co_return runs_on.error();
    if (!runs_on->os.empty()) entry.platform = *runs_on;
  }
  co_return result<void>();
}

task<result<resolved_image>> resolver::resolve_index(resolved_image found, model::index content, platform_choice choice) {
  const reference name = found.name;
  model::index leaves;
  std::vector<descriptor> indexes(1, found.top);
  const result<void> flat = co_await flatten(found, leaves, indexes, std::move(content.manifests), 1);
  if (!flat) co_return flat.error();

  std::set<digest> in_index;
  for (const descriptor& entry : leaves.manifests) in_index.insert(entry.digest);
  if (offline_) std::erase_if(leaves.manifests, [this](const descriptor& entry) { return !held_.contains(entry.digest); });

  std::vector<platform> wanted = choice.platforms;
  if (wanted.empty() && !choice.all) wanted.push_back(platform::host());
  bool all_there = true;
  for (const platform& one : wanted) all_there = all_there && model::choose(leaves, one) != nullptr;
  if (!all_there && !model::without_platform(leaves).empty()) {
    // Only their configurations tell what these entries run on.
    const result<void> named = co_await name_platforms(name, leaves);
    if (!named) co_return named.error();
  }

  std::vector<descriptor> chosen;
  std::set<digest> kept;
  const auto add = [&](const descriptor& entry) {
    if (kept.insert(entry.digest).second) chosen.push_back(entry);
  };
  for (const platform& one : wanted) {
    const descriptor* best = model::choose(leaves, one);
    if (best == nullptr && offline_) {
      co_return failure(errc::platform_not_found,
                        fmt::format("the store does not hold {} for {}, and nothing is fetched offline; it has {}", name.string(),
                                    to_string_all(one), list_platforms(model::platforms_of(leaves))));
    }
    if (best == nullptr) co_return no_platform(name, one, model::platforms_of(leaves));
    add(*best);
  }
  for (const descriptor& entry : leaves.manifests) {
    // An attestation travels with the manifest that it describes.
    if (choice.all || (model::is_attestation(entry) && kept.contains(model::attested(entry)))) add(entry);
  }
  if (in_index == kept) found.indexes = std::move(indexes);

  for (const descriptor& entry : chosen) {
    // An index may name anything (image-spec image-index.md, "manifests"); it is a blob to whoever does not know its type.
    if (choice.all && choice.opaque && !entry.media_type.empty() && !model::is_manifest(entry.media_type)) {
      found.opaque.push_back(entry);
      continue;
    }
    result<model::manifest> manifest = co_await fetch_manifest(name, entry);
    if (!manifest) co_return manifest.error();
    resolved_manifest one;
    one.entry = entry;
    if (one.entry.media_type.empty()) one.entry.media_type = manifest->media_type;
    one.content = std::move(*manifest);
    one.attestation = model::is_attestation(entry);
    if (entry.platform) {
      one.image_platform = normalise(*entry.platform);
    } else if (!one.attestation && !(choice.all && choice.nameless)) {
      const result<gantry::platform> runs_on = co_await platform_of(name, one.content);
      if (!runs_on) co_return runs_on.error();
      one.image_platform = *runs_on;
    }
    found.manifests.push_back(std::move(one));
  }
  co_return found;
}

}  // namespace gantry::jobs
