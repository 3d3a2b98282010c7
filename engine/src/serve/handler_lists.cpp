#include "model/json_writer.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"
#include "serve/handler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

// The part of handler that lists repositories, tags and referrers.

namespace gantry::serve {
namespace {

/// Adds those of \p more that are not in \p list; ordered by digest.
void add_others(std::vector<descriptor>& list, std::vector<descriptor> more) {
  list.insert(list.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  const auto before = [](const descriptor& a, const descriptor& b) { return a.digest < b.digest; };
  const auto same = [](const descriptor& a, const descriptor& b) { return a.digest == b.digest; };
  std::stable_sort(list.begin(), list.end(), before);
  list.erase(std::unique(list.begin(), list.end(), same), list.end());
}

/// Where the rest of a list is (RFC 8288; distribution-spec, "Listing Tags").
void add_next(answer& list, const std::string& path, const page& cut, const route& wanted) {
  if (!cut.more) return;
  std::string target = fmt::format("{}?last={}&n={}", path, encode_query(cut.names.back()), cut.names.size());
  if (!wanted.ns.empty()) target += "&ns=" + encode_query(wanted.ns);
  list.add("Link", fmt::format("<{}>; rel=\"next\"", target));
}

}  // namespace

task<answer> handler::tags(route wanted) {
  std::optional<answer> refused;
  const auto where = co_await locate(wanted, refused);
  if (!where) co_return failed(where.error());
  if (refused) co_return std::move(*refused);
  // What the upstream has beside is not listed: what is listed can be had offline.
  const std::vector<std::string>* all = where->held ? where->names->tags(*where->held) : nullptr;
  if (all == nullptr) co_return unknown_name(wanted.name);
  const page cut = cut_page(*all, wanted.page, page_limit);
  model::json_writer out;
  out.begin_object().member("name", wanted.name).member("tags", cut.names).end_object();
  answer list = json_answer(out.take() + "\n");
  add_next(list, fmt::format("/v2/{}/tags/list", wanted.name), cut, wanted);
  co_return list;
}

task<answer> handler::catalog(route wanted) {
  const auto names = co_await content_.current();
  if (!names) co_return failed(names.error());
  const page cut = cut_page((*names)->names(), wanted.page, page_limit);
  model::json_writer out;
  out.begin_object().member("repositories", cut.names).end_object();
  answer list = json_answer(out.take() + "\n");
  add_next(list, "/v2/_catalog", cut, wanted);
  co_return list;
}

task<answer> handler::referrers(route wanted, runtime::stop_source& stop) {
  std::optional<answer> refused;
  const auto where = co_await locate(wanted, refused);
  if (!where) co_return failed(where.error());
  if (refused) co_return std::move(*refused);
  std::vector<descriptor> found;
  if (where->held) {
    const repository held = *where->held;
    auto listed = co_await content_.referrers(held, wanted.digest);
    if (!listed) co_return failed(listed.error());
    found = std::move(*listed);
  }
  if (where->above) {
    const reference name = name_of(*where->above, {}, wanted.digest);
    if (name.empty()) co_return unknown_name(wanted.name);
    auto above = co_await source_->referrers(name, wanted.digest, stop);
    // What the store has will do; of a repository that it does not have nothing can be said.
    if (!above && !where->held && above.error().code != errc::not_found) co_return refused_above(above.error(), stop);
    if (above) add_others(found, std::move(*above));
  }
  model::json_writer out;
  out.begin_object().member("schemaVersion", 2).member("mediaType", model::media_type::oci_index).key("manifests").begin_array();
  for (const descriptor& one : found) {
    if (wanted.artifact_type.empty() || one.artifact_type == wanted.artifact_type) model::write(out, one);
  }
  out.end_array().end_object();
  answer list = json_answer(out.take() + "\n", model::media_type::oci_index);
  if (!wanted.artifact_type.empty()) list.add("OCI-Filters-Applied", "artifactType");
  co_return list;
}

}  // namespace gantry::serve
