#pragma once

#include <gantry/bench.hpp>
#include <gantry/convert.hpp>
#include <gantry/copy.hpp>
#include <gantry/diagnostics.hpp>
#include <gantry/error.hpp>
#include <gantry/explain.hpp>
#include <gantry/extract.hpp>
#include <gantry/inspect.hpp>
#include <gantry/lookup.hpp>
#include <gantry/options.hpp>
#include <gantry/pull.hpp>
#include <gantry/push.hpp>
#include <gantry/reference.hpp>
#include <gantry/serve.hpp>
#include <gantry/store.hpp>
#include <gantry/sync.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry {

/// `MAJOR.MINOR.PATCH` of the library that is linked.
std::string_view version() noexcept;

/// A library that this one works with.
struct library_version {
  std::string name;     ///< as its project spells it: `Boost`, `OpenSSL`
  std::string version;  ///< as it is loaded, where the library can tell, else as it was compiled against
};
/// The libraries that the engine was built with or has loaded, with their versions.
std::vector<library_version> library_versions();

/// Moves images. One engine owns one set of connections, tokens and worker threads; operations started on it share them and fetch a blob
/// that several want only once.
///
/// Thread safety: all members may be called from any thread. Completion handlers run on their associated executor, else on the engine's.
/// Cancellation: every operation supports all cancellation types with the same effect, a clean stop that keeps what can be resumed.
class engine {
 public:
  /// Any executor of Asio.
  using executor_type = boost::asio::any_io_executor;

  /// Runs on the caller's \p executor, through a strand. The execution context must outlive all operations.
  /// \throws std::system_error when the system has no thread to give for the files; std::bad_alloc when it has no memory for the buffers
  engine(executor_type executor, engine_options options);

  /// Owns one thread. Must not be destroyed on that thread, i.e. inside a completion handler without an executor of its own.
  /// \throws std::system_error and std::bad_alloc as the other; the first also when there is no thread to own
  explicit engine(engine_options options);

  /// Operations under way go on. What was moved from may only be destroyed.
  engine(engine&&) noexcept = default;
  engine& operator=(engine&&) = delete;

  /// Stops all operations. With a caller's executor it returns at once and the operations complete with errc::cancelled on it; with its own
  /// thread it waits for them.
  ~engine();

  /// Where handlers without an executor of their own run.
  executor_type get_executor() const noexcept;

  /// Fetches images into the store and, when asked, writes them into one archive.
  /// Signature: `void(error_code, pull_result)`. \p diag must live until completion; it holds the text of the error.
  template <class CompletionToken>
  auto async_pull(std::vector<reference> images, pull_options options, diagnostics& diag, CompletionToken&& token) {
    return initiate<pull_result>(std::forward<CompletionToken>(token), &diag, std::move(images), std::move(options));
  }
  /// The same for one image.
  template <class CompletionToken>
  auto async_pull(const reference& image, pull_options options, diagnostics& diag, CompletionToken&& token) {
    return async_pull(std::vector<reference>(1, image), std::move(options), diag, std::forward<CompletionToken>(token));
  }
  /// One image, with nothing but the code of an error.
  template <class CompletionToken>
  auto async_pull(const reference& image, pull_options options, CompletionToken&& token) {
    return initiate<pull_result>(std::forward<CompletionToken>(token), nullptr, std::vector<reference>(1, image), std::move(options));
  }

  /// Serves the store as a read-only registry (distribution-spec, "Pull" and "Content Discovery") until it is cancelled. Cancellation is a
  /// graceful stop: what runs is finished within serve_limits::graceful, and the operation completes without an error.
  /// Signature: `void(error_code, serve_result)`. \p diag must live until completion; it holds the text of the error.
  template <class CompletionToken>
  auto async_serve(serve_options options, diagnostics& diag, CompletionToken&& token) {
    return initiate<serve_result>(std::forward<CompletionToken>(token), &diag, std::move(options));
  }

  /// Brings images of the store, an archive or an OCI layout into a registry. Signature: `void(error_code, push_result)`. Where several
  /// were to be pushed, those that failed are in push_result::failed, unless nothing could be pushed for one reason.
  template <class CompletionToken>
  auto async_push(push_source source, push_target target, push_options options, diagnostics& diag, CompletionToken&& token) {
    return initiate<push_result>(std::forward<CompletionToken>(token), &diag, std::move(source), std::move(target), std::move(options));
  }

  /// Copies an image from registry to registry, through memory alone: \p source, a tag or a digest, to each of \p targets. Signature:
  /// `void(error_code, copy_result)`. Where several were to be copied, those that failed are in copy_result::failed.
  template <class CompletionToken>
  auto async_copy(reference source, std::vector<reference> targets, copy_options options, diagnostics& diag, CompletionToken&& token) {
    return initiate<copy_result>(std::forward<CompletionToken>(token), &diag, std::move(source), std::move(targets), std::move(options));
  }
  /// The same with one target.
  template <class CompletionToken>
  auto async_copy(reference source, const reference& target, copy_options options, diagnostics& diag, CompletionToken&& token) {
    return async_copy(std::move(source), std::vector<reference>(1, target), std::move(options), diag, std::forward<CompletionToken>(token));
  }

  /// Brings a list of images to where it says. Signature: `void(error_code, sync_result)`. An image that fails is in the result and stops
  /// no other; errc::invalid_option when the list contradicts itself, before anything is written. sync_list::mirrors belong into the
  /// engine's options.
  template <class CompletionToken>
  auto async_sync(sync_list list, sync_options options, diagnostics& diag, CompletionToken&& token) {
    return initiate<sync_result>(std::forward<CompletionToken>(token), &diag, std::move(list), std::move(options));
  }

  /// Deletes tags in registries, by digest where a registry deletes no tags and nobody else needs the manifest: no other tag, no index of
  /// another tag, no referrer. Signature: `void(error_code, prune_result)`; what could not be deleted is in the result. One that is
  /// cancelled when it has begun to delete completes without an error, and tells what it did: prune_result::stopped.
  template <class CompletionToken>
  auto async_prune(std::vector<reference> tags, prune_options options, diagnostics& diag, CompletionToken&& token) {
    return initiate<prune_result>(std::forward<CompletionToken>(token), &diag, std::move(tags), std::move(options));
  }

  /// Reads manifests and configurations, no layers. Signature: `void(error_code, inspect_result)`.
  template <class CompletionToken>
  auto async_inspect(reference image, inspect_options options, diagnostics& diag, CompletionToken&& token) {
    return initiate<inspect_result>(std::forward<CompletionToken>(token), &diag, std::move(image), std::move(options));
  }

  /// The same for the images that an archive or a directory holds; neither store nor network is used. Signature:
  /// `void(error_code, inspect_files_result)`. \p diag and descriptors as for \ref async_extract.
  template <class CompletionToken>
  auto async_inspect_files(archive_input from, inspect_options options, diagnostics& diag, CompletionToken&& token) {
    return initiate<inspect_files_result>(std::forward<CompletionToken>(token), &diag, std::move(from), std::move(options));
  }

  /// What a reference resolves to, by HEAD where the registry allows it. Signature: `void(error_code, digest_result)`.
  template <class CompletionToken>
  auto async_digest(reference image, digest_options options, diagnostics& diag, CompletionToken&& token) {
    return initiate<digest_result>(std::forward<CompletionToken>(token), &diag, std::move(image), std::move(options));
  }

  /// The tags of a repository; the tag and digest of \p repository do not count. Signature: `void(error_code, tags_result)`.
  template <class CompletionToken>
  auto async_tags(reference repository, tags_options options, diagnostics& diag, CompletionToken&& token) {
    return initiate<tags_result>(std::forward<CompletionToken>(token), &diag, std::move(repository), std::move(options));
  }

  /// The repositories of a registry, where it lists them. Signature: `void(error_code, repositories_result)`.
  /// \param registry host and optional port
  template <class CompletionToken>
  auto async_repositories(std::string registry, repositories_options options, diagnostics& diag, CompletionToken&& token) {
    return initiate<repositories_result>(std::forward<CompletionToken>(token), &diag, std::move(registry), std::move(options));
  }

  /// Deletes a tag, or a manifest and every tag that names it, in a registry. Signature: `void(error_code, delete_result)`.
  template <class CompletionToken>
  auto async_delete(reference image, delete_options options, diagnostics& diag, CompletionToken&& token) {
    return initiate<delete_result>(std::forward<CompletionToken>(token), &diag, std::move(image), std::move(options));
  }

  /// Says what an operation on \p image would do: endpoints, credentials, settings, each with its origin. Sends nothing; the credential
  /// source is asked. Signature: `void(error_code, explanation)`.
  template <class CompletionToken>
  auto async_explain(reference image, explain_options options, diagnostics& diag, CompletionToken&& token) {
    return initiate<explanation>(std::forward<CompletionToken>(token), &diag, std::move(image), std::move(options));
  }

  /// Asks the base of a registry's API, with the credentials that the engine has for it. \p registry as in reference::registry.
  /// Signature: `void(error_code, ping_result)`; errc::unauthorized when it refuses them.
  template <class CompletionToken>
  auto async_ping(std::string registry, ping_options options, diagnostics& diag, CompletionToken&& token) {
    return initiate<ping_result>(std::forward<CompletionToken>(token), &diag, std::move(registry), std::move(options));
  }

  /// Tells what is in the store, without a look at the bytes of layers. Signature: `void(error_code, list_result)`.
  template <class CompletionToken>
  auto async_list(list_options options, diagnostics& diag, CompletionToken&& token) {
    return initiate<list_result>(std::forward<CompletionToken>(token), &diag, std::move(options));
  }
  /// The same, with nothing but the code of an error.
  template <class CompletionToken>
  auto async_list(list_options options, CompletionToken&& token) {
    return initiate<list_result>(std::forward<CompletionToken>(token), nullptr, std::move(options));
  }

  /// Removes from the store what is due and what is asked for. Signature: `void(error_code, clean_result)`. Safe beside other operations
  /// and other processes.
  template <class CompletionToken>
  auto async_clean(clean_options options, diagnostics& diag, CompletionToken&& token) {
    return initiate<clean_result>(std::forward<CompletionToken>(token), &diag, std::move(options));
  }
  /// The same, with nothing but the code of an error.
  template <class CompletionToken>
  auto async_clean(clean_options options, CompletionToken&& token) {
    return initiate<clean_result>(std::forward<CompletionToken>(token), nullptr, std::move(options));
  }

  /// Hashes all blobs of the store again; what is damaged is taken out of it and, when asked, fetched again. Signature:
  /// `void(error_code, verify_result)`; damage is a result, no error.
  template <class CompletionToken>
  auto async_verify(verify_options options, diagnostics& diag, CompletionToken&& token) {
    return initiate<verify_result>(std::forward<CompletionToken>(token), &diag, std::move(options));
  }
  /// The same, with nothing but the code of an error.
  template <class CompletionToken>
  auto async_verify(verify_options options, CompletionToken&& token) {
    return initiate<verify_result>(std::forward<CompletionToken>(token), nullptr, std::move(options));
  }

  /// Reads images out of an archive or a directory into the store. Signature: `void(error_code, extract_result)`. \p diag must live until
  /// completion, a descriptor in \p from as well. Fails with errc::not_found when blobs are neither in the archive nor in the store, with
  /// the conditions integrity (content that is not what it claims, or no archive of images) and storage.
  template <class CompletionToken>
  auto async_extract(archive_input from, extract_options options, diagnostics& diag, CompletionToken&& token) {
    return initiate<extract_result>(std::forward<CompletionToken>(token), &diag, std::move(from), std::move(options));
  }

  /// Writes images of an archive or a directory into another archive, past the store. Signature: `void(error_code, convert_result)`. \p
  /// diag and descriptors as for \ref async_extract.
  template <class CompletionToken>
  auto async_convert(archive_input from, convert_options options, diagnostics& diag, CompletionToken&& token) {
    return initiate<convert_result>(std::forward<CompletionToken>(token), &diag, std::move(from), std::move(options));
  }

  /// Measures how fast an image arrives with different numbers of connections, and keeps nothing of it; the store is left alone.
  /// engine_options::jobs should be the largest number that is tried, which the buffers are made for.
  /// Signature: `void(error_code, bench_result)`. \p diag must live until completion; it holds the text of the error.
  template <class CompletionToken>
  auto async_bench(reference image, bench_options options, diagnostics& diag, CompletionToken&& token) {
    return initiate<bench_result>(std::forward<CompletionToken>(token), &diag, std::move(image), std::move(options));
  }

  /// Stops all operations as the destructor does and completes when the last has completed. Signature: `void(error_code)`; never fails.
  template <class CompletionToken>
  auto async_shutdown(CompletionToken&& token) {
    return boost::asio::async_initiate<CompletionToken, void(error_code)>(
        [state = state_](shutdown_handler handler) { start_shutdown(state, std::move(handler)); }, token);
  }

 private:
  class impl;
  template <class Result>
  using result_handler = boost::asio::any_completion_handler<void(error_code, Result)>;
  using shutdown_handler = boost::asio::any_completion_handler<void(error_code)>;

  /// Erases the handler and calls the overload of \ref start that takes \p arguments.
  template <class Result, class CompletionToken, class... Arguments>
  auto initiate(CompletionToken&& token, diagnostics* diag, Arguments... arguments) {
    return boost::asio::async_initiate<CompletionToken, void(error_code, Result)>(
        [state = state_](result_handler<Result> done, diagnostics* text, Arguments... values) {
          start(state, std::move(done), text, std::move(values)...);
        },
        token, diag, std::move(arguments)...);
  }

  // One overload an operation.
  static void start(const std::shared_ptr<impl>& state, result_handler<pull_result> done, diagnostics* diag, std::vector<reference> images,
                    pull_options options);
  static void start(const std::shared_ptr<impl>& state, result_handler<serve_result> done, diagnostics* diag, serve_options options);
  static void start(const std::shared_ptr<impl>& state, result_handler<push_result> done, diagnostics* diag, push_source source,
                    push_target target, push_options options);
  static void start(const std::shared_ptr<impl>& state, result_handler<copy_result> done, diagnostics* diag, reference source,
                    std::vector<reference> targets, copy_options options);
  static void start(const std::shared_ptr<impl>& state, result_handler<sync_result> done, diagnostics* diag, sync_list list,
                    sync_options options);
  static void start(const std::shared_ptr<impl>& state, result_handler<prune_result> done, diagnostics* diag, std::vector<reference> tags,
                    prune_options options);
  static void start(const std::shared_ptr<impl>& state, result_handler<inspect_result> done, diagnostics* diag, reference image,
                    inspect_options options);
  static void start(const std::shared_ptr<impl>& state, result_handler<inspect_files_result> done, diagnostics* diag, archive_input from,
                    inspect_options options);
  static void start(const std::shared_ptr<impl>& state, result_handler<digest_result> done, diagnostics* diag, reference image,
                    digest_options options);
  static void start(const std::shared_ptr<impl>& state, result_handler<tags_result> done, diagnostics* diag, reference repository,
                    tags_options options);
  static void start(const std::shared_ptr<impl>& state, result_handler<repositories_result> done, diagnostics* diag, std::string registry,
                    repositories_options options);
  static void start(const std::shared_ptr<impl>& state, result_handler<delete_result> done, diagnostics* diag, reference image,
                    delete_options options);
  static void start(const std::shared_ptr<impl>& state, result_handler<explanation> done, diagnostics* diag, reference image,
                    explain_options options);
  static void start(const std::shared_ptr<impl>& state, result_handler<ping_result> done, diagnostics* diag, std::string registry,
                    ping_options options);
  static void start(const std::shared_ptr<impl>& state, result_handler<list_result> done, diagnostics* diag, list_options options);
  static void start(const std::shared_ptr<impl>& state, result_handler<clean_result> done, diagnostics* diag, clean_options options);
  static void start(const std::shared_ptr<impl>& state, result_handler<verify_result> done, diagnostics* diag, verify_options options);
  static void start(const std::shared_ptr<impl>& state, result_handler<extract_result> done, diagnostics* diag, archive_input from,
                    extract_options options);
  static void start(const std::shared_ptr<impl>& state, result_handler<convert_result> done, diagnostics* diag, archive_input from,
                    convert_options options);
  static void start(const std::shared_ptr<impl>& state, result_handler<bench_result> done, diagnostics* diag, reference image,
                    bench_options options);
  static void start_shutdown(const std::shared_ptr<impl>& state, shutdown_handler handler);

  std::shared_ptr<impl> state_;
};

}  // namespace gantry
