#pragma once

#include "archive/gzip_sink.hpp"
#include "archive/layout.hpp"
#include "archive/output_directory.hpp"
#include "archive/output_file.hpp"
#include "archive/planned_file.hpp"
#include "archive/writer.hpp"
#include "base/failure.hpp"
#include "jobs/layer_facts.hpp"
#include "jobs/resolve.hpp"
#include "store/content_store.hpp"
#include "transfer/context.hpp"

#include <gantry/pull.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <variant>
#include <vector>

namespace gantry::jobs {

using output = decltype(pull_options::output);

/// What is chosen for an archive beside its output.
struct export_choices {
  bool gzip_only = false;     ///< zstd layers become gzip; only for what archive_export::write writes
  bool attestations = false;  ///< see pull_options::attestations
  bool takes_over = false;    ///< see archive::write_directory
};

/// An archive on its way out, prepared before anything is fetched, so that a wrong name, a missing right or a full disk is found at the
/// start.
class archive_export {
 public:
  /// Plans the archive of \p images, as far as that is possible before they are fetched, and claims its file or directory. Blocking: for a
  /// worker lane.
  /// \param store what it will be written from; null when blobs go straight into it, and then an unfinished file of an earlier run is
  /// taken over where its layout is known
  /// \param left_out blobs that are not written, see archive::without
  static result<archive_export> prepare(const output& where, const std::vector<resolved_image>& images, const store::content_store* store,
                                        const std::set<digest>& left_out = {}, export_choices choices = {});
  /// The same for images of any source.
  /// \param beside a file or directory where the blobs are; empty when they are in no files of their own
  /// \param resumes whether an unfinished file is taken over
  static result<archive_export> prepare(const output& where, std::vector<archive::archived_image> images,
                                        const std::filesystem::path& beside, const std::set<digest>& left_out = {}, bool resumes = false,
                                        export_choices choices = {});

  /// Sentences for the user that came up while planning.
  const std::vector<std::string>& notes() const noexcept { return plan_.notes; }

  /// Whether it can only be written when everything is in a store: its layers must have been seen, or it shares files with the store.
  static bool needs_store(const output& where) noexcept;
  /// Whether the layout is known only when everything is in the store.
  bool deferred() const noexcept { return !images_.empty(); }
  /// The images whose layers must be inflated before the archive can be planned; none in most formats.
  std::vector<archive::archived_image> inflated() const;
  /// What was learnt of their layers on the way, so that they are not inflated again where the store could not remember it.
  void know(layer_facts facts) { facts_ = std::move(facts); }
  /// Whether the places of all blobs in a file are known, so that they can be written in any order.
  bool is_planned_file() const noexcept;
  /// Takes the file and its layout out. Precondition: \ref is_planned_file.
  std::shared_ptr<archive::planned_file> take_planned_file();
  /// The descriptor of a stream.
  std::optional<int> stream() const noexcept;
  /// The directory that the file stands in, if there is one.
  std::optional<std::filesystem::path> directory() const;

  /// Writes the archive from blobs that are all in the store, and gives it its name. Runs on a worker lane, reports progress. \returns the
  /// bytes of the archive.
  static task<result<std::uint64_t>> write(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                           std::shared_ptr<store::content_store> store, archive_export what, bool sync);

  /// The same out of any source, which may wait in open() for what is still on its way. Precondition: the format is not synology, whose
  /// layers must be known from the inside.
  static task<result<std::uint64_t>> write_from(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                                std::shared_ptr<model::blob_source> blobs, archive_export what, bool sync);

 private:
  /// Plans what could not be planned before everything was fetched.
  task<result<void>> complete(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                              std::shared_ptr<store::content_store> store);
  result<std::uint64_t> run(model::blob_source& blobs, const std::function<void(std::uint64_t, std::uint64_t)>& progress,
                            const std::atomic<bool>& stop, bool sync, archive::deflate_workers workers);

  output where_;
  std::vector<archive::archived_image> images_;  ///< of a format that is planned when everything is here
  layer_facts facts_;
  bool takes_over_ = false;
  archive::layout plan_;
  std::optional<archive::output_file> file_;
  std::optional<archive::output_directory> directory_;
};

/// \p image as archives and registries are planned from it.
archive::archived_image archived(const resolved_image& image);

/// A stream in messages.
std::string stream_name(int descriptor);

/// Reports the progress of a writing thread through the strand, a few times per second.
archive::archive_progress_handler report_through(transfer::context& shared, std::shared_ptr<transfer::operation> running);

}  // namespace gantry::jobs
