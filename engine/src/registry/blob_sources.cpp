#include "registry/blob_sources.hpp"

#include <algorithm>
#include <utility>

namespace gantry::registry {
namespace {

/// What will not change while the blob is being fetched.
bool is_lasting(error_code code) {
  return code == condition::not_found || code == condition::not_authorised || code == condition::usage || code == errc::tls_not_trusted ||
         code == errc::redirect_refused;
}

}  // namespace

result<void> blob_sources::find_sites() {
  if (!locations_.empty()) return {};
  auto sites = registry_.sites(image_, true);
  if (!sites) return sites.error();
  for (site& one : *sites) {
    place made;
    const bool itself = &one == &sites->back();
    made.location = std::make_unique<blob_location>(registry_, one, blob_, itself ? urls_ : std::vector<std::string>());
    made.where = std::move(one);
    locations_.push_back(std::move(made));
  }
  return {};
}

std::size_t blob_sources::choose(const std::vector<bool>& tried, const std::optional<http::byte_range>& range) const {
  const std::size_t origin = locations_.size() - 1;
  if (only_origin_) return origin;
  std::vector<const site_record*> records;
  std::vector<bool> excluded;
  for (std::size_t i = 0; i < origin; ++i) {
    records.push_back(locations_[i].where.record.get());
    const place& one = locations_[i];
    // Who answers with the whole is as good as any for the first of the blob, with which the others begin.
    const bool unfit = range && (one.refuses_ranges || (one.without_ranges && range->first != 0));
    excluded.push_back(tried[i] || one.without_blob || unfit);
  }
  // With no mirror left the number of them is the origin's index.
  return choose_site(records, excluded, std::chrono::steady_clock::now());
}

task<result<sourced_exchange>> blob_sources::get(blob_request part, runtime::stop_source& stop, std::optional<std::size_t>* asking) {
  if (const result<void> found = find_sites(); !found) co_return found.error();
  unsigned status = 0;
  unsigned* const told = std::exchange(part.answered_with, &status);
  std::vector<bool> tried(locations_.size(), false);
  for (;;) {
    const std::size_t chosen = choose(tried, part.range);
    place& asked = locations_[chosen];
    if (asking != nullptr) *asking = chosen;
    asked.where.record->began();
    blob_location::clock::time_point made;
    auto reply = co_await asked.location->get(part, stop, &made);
    if (told != nullptr) *told = status;
    if (reply) {
      if (reply->head().status == 206) asked.where.record->ranges = true;
      sourced_exchange answer{std::move(*reply), chosen, made};
      co_return answer;
    }
    asked.where.record->ended(0, std::chrono::nanoseconds(0));
    failure why = reply.error();
    const bool last = chosen + 1 == locations_.size();
    if (last || stop.stop_requested() || why.code == errc::cancelled) co_return why;
    tried[chosen] = true;
    // As one that answers with the whole: it is still good for whole blobs.
    if (part.range && status == 416 && why.code == errc::range_refused) {
      asked.refuses_ranges = true;
      continue;
    }
    // Another size than the blob's in a refusal is no wrong content yet.
    if (why.code == errc::size_mismatch) why.code = make_error_code(errc::range_refused);
    if (is_lasting(why.code)) {
      asked.without_blob = true;
    } else {
      asked.where.record->failed(std::chrono::steady_clock::now(), why.retry_after.value_or(std::chrono::seconds(0)));
    }
    registry_.note_failure(asked.where, why, &locations_[choose(tried, part.range)].where);
  }
}

void blob_sources::ended(std::size_t site, std::uint64_t bytes, std::chrono::nanoseconds time, const failure* why) {
  locations_[site].where.record->ended(bytes, time);
  if (why != nullptr) blame(site, *why);
}

void blob_sources::blame(std::size_t site, const failure& why) {
  if (site + 1 == locations_.size()) return;
  locations_[site].where.record->failed(std::chrono::steady_clock::now());
  // Whose bytes were the wrong ones is not known before they are compared; one without ranges is still good for whole blobs.
  if (why.code == condition::integrity || (why.code == errc::range_refused && locations_[site].without_ranges)) return;
  std::vector<bool> tried(locations_.size(), false);
  tried[site] = true;
  registry_.note_failure(locations_[site].where, why, &locations_[choose(tried, std::nullopt)].where);
}

bool blob_sources::has_alternative(std::size_t site) const { return !only_origin_ && site + 1 < locations_.size(); }

bool blob_sources::refused_range(std::size_t site) {
  if (only_origin_ || site + 1 == locations_.size()) return false;
  locations_[site].without_ranges = true;
  return true;
}

std::string blob_sources::name_of(std::size_t site) const {
  const config::endpoint& how = locations_[site].where.how;
  return how.registry;
}

void blob_sources::drop(std::size_t site) { locations_[site].where.record->drop(); }

}  // namespace gantry::registry
