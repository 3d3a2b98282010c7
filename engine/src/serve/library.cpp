#include "serve/library.hpp"

#include "model/manifest.hpp"
#include "model/media_type.hpp"
#include "runtime/signal.hpp"

#include <fmt/format.h>

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>
#include <variant>

namespace gantry::serve {
namespace {

using runtime::lane;
using runtime::offload;

constexpr std::size_t most_incomplete = 20;

/// Looks at the store while nobody cleans up there, so that what one request sees belongs together; waits for who does. The lock is held
/// for the look alone: what is open stays readable, and a server that runs for ever must not keep clean-ups out.
template <class T, class Look>
task<result<T>> undisturbed(runtime::lanes& workers, std::shared_ptr<store::content_store> store, Look look) {
  constexpr std::chrono::milliseconds pause{20};
  constexpr std::chrono::seconds patience{30};
  const auto give_up = std::chrono::steady_clock::now() + patience;
  runtime::stop_source never;
  for (;;) {
    auto call = [store, look]() -> result<std::optional<T>> {
      // With the store everything would be absent, and clients would take images for deleted.
      std::error_code ec;
      if (!std::filesystem::is_directory(store->root(), ec)) {
        return failure(
            errc::storage_error,
            fmt::format("the store {} is not there any more; was its disk removed or the directory deleted?", store->root().string()));
      }
      const auto shared = store->try_share();
      if (!shared) return shared.error();
      if (!*shared) return std::optional<T>();
      result<T> seen = look();
      if (!seen) return seen.error();
      return std::optional<T>(std::move(*seen));
    };
    result<std::optional<T>> had = co_await offload(workers, lane::files, std::move(call));
    if (!had) co_return had.error();
    if (*had) co_return std::move(**had);
    if (std::chrono::steady_clock::now() > give_up)
      co_return failure(errc::in_use, "the store is being cleaned up, and that takes too long");
    co_await runtime::sleep_for(pause, never);
  }
}

/// By name alone; nothing when it is not there.
std::optional<descriptor> held_by_name(const store::content_store& store, const digest& value) {
  struct stat status {};
  if (::stat(store::paths{store.root()}.blob(value).c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  descriptor found;
  found.digest = value;
  found.size = static_cast<std::uint64_t>(status.st_size);
  return found;
}

/// A damaged document is a failure: it is never served, and a server that called it absent would keep that from who runs it.
result<std::optional<held_document>> read_document(const store::content_store& store, const descriptor& what, std::string_view declared) {
  if (what.size > model::document_limit) return std::optional<held_document>();
  auto bytes = store.read(what, model::document_limit);
  if (!bytes && bytes.error().code == errc::not_found) return std::optional<held_document>();
  if (!bytes) return bytes.error();
  const auto type = model::detect_media_type(*bytes, declared);
  if (!type) return std::optional<held_document>();
  // What a registry declared counts as it was; it may be an older name for the same thing.
  return std::optional(held_document{declared.empty() ? *type : std::string(declared), what.digest, std::move(*bytes)});
}

std::optional<model::document> parse_held(const store::content_store& store, const digest& value) {
  const auto held = held_by_name(store, value);
  if (!held) return std::nullopt;
  const auto document = read_document(store, *held, {});
  if (!document || !*document) return std::nullopt;
  auto parsed = model::parse_document((*document)->bytes, (*document)->media_type);
  return parsed ? std::optional(std::move(*parsed)) : std::nullopt;
}

/// The descriptor by which a referrer is listed (distribution-spec, "Listing Referrers").
descriptor listed(const model::document& document, const digest& value, std::uint64_t size) {
  descriptor entry;
  entry.digest = value;
  entry.size = size;
  if (const auto* manifest = std::get_if<model::manifest>(&document)) {
    entry.media_type = manifest->media_type;
    entry.artifact_type = manifest->artifact_type.empty() ? manifest->config.media_type : manifest->artifact_type;
    entry.annotations = manifest->annotations;
  } else {
    const auto& index = std::get<model::index>(document);
    entry.media_type = index.media_type;
    entry.artifact_type = index.artifact_type;
    entry.annotations = index.annotations;
  }
  return entry;
}

std::multimap<digest, descriptor> find_referrers(const store::content_store& store, const std::vector<descriptor>& documents) {
  std::multimap<digest, descriptor> found;
  std::set<digest> seen;
  std::vector<digest> pending;
  pending.reserve(documents.size());
  for (const descriptor& one : documents) pending.push_back(one.digest);
  while (!pending.empty()) {
    const digest value = pending.back();
    pending.pop_back();
    if (!seen.insert(value).second) continue;
    const auto document = parse_held(store, value);
    if (!document) continue;
    if (const auto* index = std::get_if<model::index>(&*document)) {
      for (const descriptor& child : index->manifests) pending.push_back(child.digest);
    }
    const auto& subject = std::visit([](const auto& one) -> const std::optional<descriptor>& { return one.subject; }, *document);
    if (!subject) continue;
    const auto held = held_by_name(store, value);
    if (held) found.emplace(subject->digest, listed(*document, value, held->size));
  }
  return found;
}

/// The manifests that an index names and that are not there.
std::size_t missing_children(const store::content_store& store, const store::reference_record& record, std::size_t& all) {
  const auto document = parse_held(store, record.top.digest);
  const auto* index = document ? std::get_if<model::index>(&*document) : nullptr;
  if (index == nullptr) return 0;
  all = index->manifests.size();
  return static_cast<std::size_t>(
      std::count_if(index->manifests.begin(), index->manifests.end(), [&](const descriptor& child) { return !store.holds(child); }));
}

}  // namespace

library::stamp library::stamp_of(const std::filesystem::path& index) noexcept {
  struct stat status {};
  if (::stat(index.c_str(), &status) != 0) return {};
#ifdef __APPLE__
  const timespec& changed = status.st_mtimespec;
#else
  const timespec& changed = status.st_mtim;
#endif
  return {static_cast<std::int64_t>(changed.tv_sec) * 1'000'000'000 + changed.tv_nsec, static_cast<std::uint64_t>(status.st_size),
          static_cast<std::uint64_t>(status.st_ino)};
}

task<result<void>> library::read_names() {
  struct reading {
    stamp at;
    std::shared_ptr<const catalogue> names;
  };
  const turn mine(turns_);
  const std::uint64_t number = ++turns_->begun;
  auto read = [store = store_]() -> result<reading> {
    // The index is written last: what is read after its stamp is at least as new.
    const stamp now = stamp_of(store::paths{store->root()}.index());
    const auto records = store->list_references();
    if (!records) return records.error();
    return reading{now, std::make_shared<const catalogue>(*records)};
  };
  const auto done = co_await undisturbed<reading>(workers_, store_, std::move(read));
  if (!done) co_return done.error();
  known_ = done->names;
  known_at_ = done->at;
  known_from_ = number;
  referrers_.clear();
  co_return result<void>();
}

task<result<std::shared_ptr<const catalogue>>> library::current() {
  const std::shared_ptr<turns> readers = turns_;
  const std::uint64_t before = readers->begun;
  // What somebody began to read since then is as new as what would be read now.
  while (!known_ || known_from_ <= before) {
    auto look = [store = store_]() -> result<stamp> { return stamp_of(store::paths{store->root()}.index()); };
    const auto now = co_await undisturbed<stamp>(workers_, store_, std::move(look));
    if (!now) co_return now.error();
    if (known_ && *now == known_at_) break;
    if (readers->busy) {
      co_await readers->ended.wait();
      continue;
    }
    const result<void> read = co_await read_names();
    if (!read) co_return read.error();
  }
  co_return known_;
}

task<result<std::optional<held_document>>> library::by_tag(reference name) {
  auto look = [store = store_, name]() -> result<std::optional<held_document>> {
    const auto record = store->find_reference(name);
    if (!record) return record.error();
    if (!*record) return std::optional<held_document>();
    return read_document(*store, (*record)->top, (*record)->top.media_type);
  };
  co_return co_await undisturbed<std::optional<held_document>>(workers_, store_, std::move(look));
}

task<result<std::optional<held_document>>> library::by_digest(gantry::digest value, std::string declared) {
  auto look = [store = store_, value, declared]() -> result<std::optional<held_document>> {
    const auto held = held_by_name(*store, value);
    if (!held) return std::optional<held_document>();
    return read_document(*store, *held, declared);
  };
  co_return co_await undisturbed<std::optional<held_document>>(workers_, store_, std::move(look));
}

task<result<std::shared_ptr<model::blob_reader>>> library::blob(gantry::digest value) {
  auto open = [store = store_, value]() -> result<std::shared_ptr<model::blob_reader>> {
    const auto held = held_by_name(*store, value);
    if (!held) return std::shared_ptr<model::blob_reader>();
    auto opened = store->open(*held);
    if (!opened && opened.error().code == errc::not_found) return std::shared_ptr<model::blob_reader>();
    if (!opened) return opened.error();
    return std::shared_ptr<model::blob_reader>(std::move(*opened));
  };
  co_return co_await undisturbed<std::shared_ptr<model::blob_reader>>(workers_, store_, std::move(open));
}

task<result<std::vector<descriptor>>> library::referrers(repository where, gantry::digest subject) {
  const auto names = co_await current();
  if (!names) co_return names.error();
  using referrer_list = std::multimap<digest, descriptor>;
  referrer_list fresh;
  const bool known = referrers_.contains(where);
  if (!known) {
    auto find = [store = store_, documents = (*names)->documents(where)]() -> result<referrer_list> {
      return find_referrers(*store, documents);
    };
    auto found = co_await undisturbed<referrer_list>(workers_, store_, std::move(find));
    if (!found) co_return found.error();
    fresh = std::move(*found);
    // Names that were read meanwhile may lead to others.
    if (*names == known_) referrers_.insert_or_assign(where, fresh);
  }
  std::vector<descriptor> list;
  const auto [begin, end] = (known ? referrers_[where] : fresh).equal_range(subject);
  for (auto entry = begin; entry != end; ++entry) list.push_back(entry->second);
  std::sort(list.begin(), list.end(), [](const descriptor& a, const descriptor& b) { return a.digest < b.digest; });
  co_return list;
}

task<> library::note_use(std::vector<reference> names) {
  std::erase_if(names, [this](const reference& one) { return !used_.due(one); });
  if (names.empty()) co_return;
  auto touch = [store = store_, names = std::move(names)] {
    for (const reference& one : names) store->note_use(one);
    return true;
  };
  co_await offload(workers_, lane::files, std::move(touch));
}

task<std::vector<std::string>> library::incomplete() {
  auto look = [store = store_]() -> std::vector<std::string> {
    std::vector<std::string> sentences;
    std::size_t more = 0;
    const auto records = store->held_references();
    if (!records) return sentences;
    for (const store::damaged_record& one : records->damaged) sentences.push_back(advice_of(one));
    if (records->sound.empty() && records->damaged.empty()) {
      sentences.push_back(
          fmt::format("the store {} holds no image, and nothing can be pulled from here until it does; is it the right directory?",
                      store->root().string()));
    }
    for (const store::held_reference& one : records->sound) {
      const store::reference_record& record = one.record;
      if (!model::is_index(record.top.media_type)) continue;
      std::size_t all = 0;
      const std::size_t missing = missing_children(*store, record, all);
      if (missing == 0) continue;
      if (sentences.size() >= most_incomplete) {
        ++more;
        continue;
      }
      std::string held;
      for (const descriptor& manifest : record.manifests) {
        if (manifest.platform) held += (held.empty() ? "" : ", ") + to_string(*manifest.platform);
      }
      sentences.push_back(fmt::format("{} is held {}: {} of the {} manifests that its index names are not here and will not be found",
                                      record.name.familiar(), held.empty() ? "in part" : "for " + held, missing, all));
    }
    if (more != 0) sentences.push_back(fmt::format("{} more references are held in part", more));
    return sentences;
  };
  co_return co_await offload(workers_, lane::files, std::move(look));
}

}  // namespace gantry::serve
