#pragma once

#include "base/failure.hpp"
#include "registry/registry_client.hpp"
#include "registry/registry_host.hpp"
#include "runtime/stop.hpp"

#include <gantry/reference.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace gantry::registry {

/// Whether a registry that failed with \p code has said nothing of what it was asked: it is not to be reached, or not now.
inline bool gives_no_answer(const error_code& code) {
  return code == condition::retryable || code == condition::rate_limited || code == errc::tls_failed || code == errc::tls_not_trusted ||
         code == errc::tls_expected || code == errc::protocol_error;
}

/// Asks one place after the other, as \p whom says, until one gives what is wanted: the precedence of everything that reads.
/// \param image with a digest: content by digest, else by tag \param ask one attempt at one site
/// \returns the first success, else what the registry itself failed with: a mirror's refusal says nothing of the registry
template <class T>
task<result<T>> ask_sites(registry_client& from, reference image, precedence whom, std::function<task<result<T>>(site)> ask,
                          runtime::stop_source& stop) {
  const result<std::vector<site>> places = from.order(image, whom);
  if (!places) co_return places.error();
  std::optional<failure> said;
  const site* itself = nullptr;
  std::set<std::string> refused;  // mirrors that do not have it: nobody need wait for them
  for (std::size_t i = 0; i < places->size(); ++i) {
    const site& one = (*places)[i];
    task<result<T>> attempt = ask(one);
    result<T> got = co_await std::move(attempt);
    if (got || !one.how.is_mirror) from.note_answer(one.how.is_mirror ? one.how.registry : image.registry(), got);
    if (got && said) from.note_substitute(*itself, *said, one);
    if (got || stop.stop_requested()) co_return got;
    const failure& why = got.error();
    const bool is_last = i + 1 == places->size();
    if (one.how.is_mirror) {
      if (!gives_no_answer(why.code)) refused.insert(one.how.registry);
      from.note_failure(one, why, is_last ? nullptr : &(*places)[i + 1]);
    } else {
      said = why;
      itself = &one;
      if (!gives_no_answer(why.code)) break;
    }
    // A registry without mirrors is waited for by whoever asks again.
    const bool rests = one.how.is_mirror ? why.code == condition::retryable || why.code == condition::failed : !is_last;
    if (rests) one.record->failed(std::chrono::steady_clock::now(), why.retry_after.value_or(std::chrono::seconds(0)));
  }
  if (said && whom != precedence::registry_alone) from.note_mirrors(image, refused, *said);
  if (said) co_return *said;
  co_return failure(errc::internal_error, "no place to ask");
}

}  // namespace gantry::registry
