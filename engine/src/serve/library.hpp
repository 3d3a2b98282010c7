#pragma once

#include "base/failure.hpp"
#include "model/blob_source.hpp"
#include "runtime/lanes.hpp"
#include "runtime/signal.hpp"
#include "runtime/task.hpp"
#include "serve/catalogue.hpp"
#include "serve/seldom.hpp"
#include "store/content_store.hpp"

#include <gantry/descriptor.hpp>
#include <gantry/reference.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gantry::serve {

using runtime::task;

/// A manifest or an index, whose bytes have just been hashed.
struct held_document {
  std::string media_type;
  gantry::digest digest;
  std::string bytes;
};

/// The store as the server sees it. Whatever blocks runs on a worker lane. Used on the strand.
class library {
 public:
  library(runtime::lanes& workers, std::shared_ptr<store::content_store> store) : workers_(workers), store_(std::move(store)) {}

  /// All names, read anew when the store's index has changed since: once for all who ask meanwhile.
  task<result<std::shared_ptr<const catalogue>>> current();
  /// How often all names were read.
  std::uint64_t readings() const noexcept { return turns_->begun; }

  /// The document behind a tag, or nothing; errc::digest_mismatch when what is stored is damaged.
  task<result<std::optional<held_document>>> by_tag(reference name);

  /// A document by digest, or nothing: what is no manifest and no index is no document. errc::digest_mismatch as with \ref by_tag
  /// \param declared its media type where a record knows it, else empty
  task<result<std::optional<held_document>>> by_digest(gantry::digest value, std::string declared);

  /// A blob, open for reading, or null. Opened before it is used: it stays readable when it is removed meanwhile.
  task<result<std::shared_ptr<model::blob_reader>>> blob(gantry::digest value);

  /// Descriptors of the held documents of \p where whose subject is \p subject, ordered by digest.
  task<result<std::vector<descriptor>>> referrers(repository where, gantry::digest subject);

  /// Notes that \p names were asked for, which counts like a pull (store::content_store::note_use): of each name once an hour. Names
  /// without a record are passed over.
  task<> note_use(std::vector<reference> names);

  /// Sentences about what ends in 404 and may surprise: references whose index names manifests that are not held or
  /// whose record cannot be read, and a store without any.
  task<std::vector<std::string>> incomplete();

 private:
  /// Tells one state of index.json from another.
  struct stamp {
    std::int64_t changed = 0;
    std::uint64_t size = 0;
    std::uint64_t file = 0;
    friend bool operator==(const stamp&, const stamp&) = default;
  };
  static stamp stamp_of(const std::filesystem::path& index) noexcept;

  /// Who reads all names; shared with those who wait for it.
  struct turns {
    runtime::signal ended;
    std::uint64_t begun = 0;
    bool busy = false;
  };
  /// The turn of one reader, over with the object.
  class turn {
   public:
    explicit turn(std::shared_ptr<turns> of) : of_(std::move(of)) { of_->busy = true; }
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;
    ~turn() {
      of_->busy = false;
      of_->ended.notify_all();
    }

   private:
    std::shared_ptr<turns> of_;
  };
  /// Reads all names and keeps them.
  task<result<void>> read_names();

  runtime::lanes& workers_;
  std::shared_ptr<store::content_store> store_;
  std::shared_ptr<const catalogue> known_;
  stamp known_at_;
  std::uint64_t known_from_ = 0;  ///< the reading that \ref known_ comes from
  std::shared_ptr<turns> turns_ = std::make_shared<turns>();
  /// By subject, of the repositories that were asked for since \ref known_ was read.
  std::map<repository, std::multimap<digest, descriptor>> referrers_;
  seldom<reference> used_{std::chrono::hours(1)};
};

}  // namespace gantry::serve
