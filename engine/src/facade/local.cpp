#include "facade/begin.hpp"
#include "jobs/clean.hpp"
#include "jobs/convert.hpp"
#include "jobs/extract.hpp"
#include "jobs/inspect.hpp"
#include "jobs/list.hpp"
#include "jobs/verify.hpp"

#include <memory>
#include <utility>

// What looks at this machine first of all: list, clean and verify of the store; extract, convert and inspect of archives.
namespace gantry {

runtime::task<result<list_result>> engine::impl::list(running_operation running, list_options) {
  const result<present_store> found = co_await find_store();
  if (!found) co_return found.error();
  if (found->store) co_return co_await jobs::list(shared, running, found->store);
  list_result nothing;
  nothing.usage.directory = found->directory;
  co_return nothing;
}

runtime::task<result<clean_result>> engine::impl::clean(running_operation running, clean_options wanted) {
  const result<present_store> found = co_await find_store();
  if (!found) co_return found.error();
  if (found->store) co_return co_await jobs::clean(shared, running, found->store, std::move(wanted));
  if (!wanted.references.empty()) {
    co_return failure(errc::not_found, "there is no store at " + found->directory.string());
  }
  clean_result nothing;
  nothing.directory = found->directory;
  co_return nothing;
}

runtime::task<result<verify_result>> engine::impl::verify(running_operation running, verify_options wanted) {
  const result<present_store> found = co_await find_store();
  if (!found) co_return found.error();
  if (found->store) co_return co_await jobs::verify(shared, running, found->store, std::move(wanted));
  verify_result nothing;
  nothing.directory = found->directory;
  co_return nothing;
}

runtime::task<result<extract_result>> engine::impl::extract(running_operation running, archive_input from, extract_options wanted) {
  if (wanted.name && wanted.name->empty()) co_return failure(errc::invalid_reference, "an empty reference names no image");
  auto opened = co_await open_store();
  if (!opened) co_return opened.error();
  co_return co_await jobs::extract(shared, running, *opened, std::move(from), std::move(wanted));
}

runtime::task<result<convert_result>> engine::impl::convert(running_operation running, archive_input from, convert_options wanted) {
  return jobs::convert(shared, std::move(running), std::move(from), std::move(wanted), options.sync);
}

runtime::task<result<inspect_files_result>> engine::impl::inspect_files(running_operation running, archive_input from,
                                                                        inspect_options wanted) {
  return jobs::inspect_files(shared, std::move(running), std::move(from), std::move(wanted));
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<list_result> done, diagnostics* diag, list_options options) {
  state->begin(&impl::list, std::move(done), diag, std::move(options));
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<clean_result> done, diagnostics* diag, clean_options options) {
  state->begin(&impl::clean, std::move(done), diag, std::move(options));
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<verify_result> done, diagnostics* diag, verify_options options) {
  state->begin(&impl::verify, std::move(done), diag, std::move(options));
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<extract_result> done, diagnostics* diag, archive_input from,
                   extract_options options) {
  state->begin(&impl::extract, std::move(done), diag, std::move(from), std::move(options));
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<convert_result> done, diagnostics* diag, archive_input from,
                   convert_options options) {
  state->begin(&impl::convert, std::move(done), diag, std::move(from), std::move(options));
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<inspect_files_result> done, diagnostics* diag, archive_input from,
                   inspect_options options) {
  state->begin(&impl::inspect_files, std::move(done), diag, std::move(from), std::move(options));
}

}  // namespace gantry
