#include <gantry/reference.hpp>

#include "base/idna.hpp"
#include "base/redact.hpp"
#include "model/reference_grammar.hpp"

#include <algorithm>
#include <utility>

namespace gantry {

namespace {

/// A registry may be written as people write its name; the grammar knows ASCII alone.
result<std::string> with_ascii_host(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::string(text);
  const std::size_t end = std::min(text.find(':'), slash);
  result<std::string> host = ascii_host(text.substr(0, end));
  if (!host) return host;
  return *host + std::string(text.substr(end));
}

}  // namespace

reference reference::parse(std::string_view text, error_code& ec, diagnostics& diag) {
  ec.clear();
  diag.clear();
  const result<std::string> converted = with_ascii_host(text);
  if (!converted) {
    ec = errc::invalid_reference;
    diag = converted.error().text;
    return {};
  }
  result<model::reference_parts> parts = model::normalise_reference(*converted);
  if (!parts) {
    ec = errc::invalid_reference;
    diag = parts.error().text;
    return {};
  }
  reference value;
  value.registry_ = std::move(parts->domain);
  value.repository_ = std::move(parts->path);
  value.tag_ = std::move(parts->tag);
  value.digest_ = std::move(parts->digest);
  if (value.tag_.empty() && value.digest_.empty()) value.tag_ = "latest";
  return value;
}

reference reference::parse(std::string_view text, error_code& ec) {
  diagnostics ignored;
  return parse(text, ec, ignored);
}

std::string reference::shown(std::string_view text) { return hide_user(text); }

std::string reference::name() const { return empty() ? std::string() : registry_ + "/" + repository_; }

std::string reference::familiar_name() const {
  if (registry_ != "docker.io") return name();
  constexpr std::string_view official = "library/";
  std::string_view path = repository_;
  if (path.starts_with(official) && path.find('/', official.size()) == std::string_view::npos) path.remove_prefix(official.size());
  // docker.io/a.b/c would be read as a registry a.b, and 64 hex digits as an image ID: these keep their full name.
  const auto read_back = model::normalise_reference(path);
  const bool same = read_back && read_back->domain == registry_ && read_back->path == repository_;
  return same ? std::string(path) : name();
}

namespace {

std::string with_suffix(std::string name, const reference& value) {
  if (!value.tag().empty()) name += ":" + value.tag();
  if (value.digest()) name += "@" + value.digest().string();
  return name;
}

}  // namespace

std::string reference::string() const { return with_suffix(name(), *this); }

std::string reference::familiar() const { return with_suffix(familiar_name(), *this); }

reference reference::with_tag(std::string tag) const {
  reference copy = *this;
  copy.tag_ = std::move(tag);
  return copy;
}

reference reference::with_digest(gantry::digest value) const {
  reference copy = *this;
  copy.digest_ = std::move(value);
  return copy;
}

}  // namespace gantry
