#pragma once

#include "base/failure.hpp"
#include "http/client.hpp"
#include "http/content_range.hpp"
#include "http/origin_policy.hpp"
#include "registry/authenticator.hpp"
#include "registry/hints.hpp"
#include "registry/site.hpp"
#include "runtime/lanes.hpp"
#include "runtime/stop.hpp"

#include <gantry/credentials.hpp>
#include <gantry/descriptor.hpp>
#include <gantry/reference.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace gantry::registry {

/// What is asked for documents, and whether something is there, is answered soon or never: see http::placement::repeat_after. Lists of
/// tags and repositories are not; some registries take minutes for theirs.
constexpr std::chrono::milliseconds document_patience{8'000};

/// A document as served.
struct document {
  descriptor top;     ///< media type as declared (without parameters), digest and size of the bytes
  std::string bytes;  ///< verified against the digest that was asked for, or that the registry announced
};

/// Host and port of a registry's API: the registry itself, but for Docker Hub, whose API does not live under its name.
std::string api_address(const std::string& registry);

/// A request for a blob or a part of it.
struct blob_request {
  std::optional<http::byte_range> range;  ///< nothing: the whole
  http::placement how;
  /// Where the status of the last answer is told, 0 for none: to some an error code says too little. Null: nobody asks. Must outlive the
  /// request.
  unsigned* answered_with = nullptr;
  std::uint64_t size = 0;  ///< of the blob, from its descriptor, so that a refused range can be told from another blob; 0: not known
};

/// Where the redirects of a registry have led a request for a blob.
struct blob_place {
  http::url where;
  bool at_home = false;     ///< on the registry's own origin
  bool authorised = false;  ///< there the answer came to a request that carried the registry's authorisation
};

/// One request of the distribution API, of whatever kind.
struct api_call {
  std::string registry;
  std::string repository;  ///< empty for requests about the registry itself
  std::string path;        ///< below the repository, `tags/list`; empty: message.target.target is what the registry itself has named
  std::string scope;       ///< what it needs, see scope.hpp; empty: pull on the repository
  std::string mount_from;  ///< a repository of the same registry, which is added to the query as `from` and to the scope; empty: none
  http::request message;   ///< target.origin is filled in
  http::body_source* body = nullptr;  ///< supplies the body of the message; may be asked to rewind. Must outlive the call
  bool depends_on_user = false;       ///< what is answered to nobody is less: a login that is known is used, even if nobody asks for it
};

/// What the base of the API said.
struct ping {
  std::string endpoint;        ///< `https://host[:port]`
  bool authenticated = false;  ///< the credentials that are known for it were asked for and accepted
};

/// Whom a question about a repository goes to, where mirrors are known for it.
enum class precedence {
  mirrors_first,   ///< content, which a digest or a tag names: the registry itself only when no mirror gives it
  registry_first,  ///< lists, of which a mirror may hold a part and not know it: mirrors only while the registry gives no answer
  registry_alone,  ///< what is about to be changed there
};

/// Where requests for an image go and as whom.
struct endpoint_view {
  http::origin origin;
  bool may_fall_back = false;      ///< to plain http, when it turns out not to speak TLS
  std::optional<credential> user;  ///< none: anonymously
  std::string absence;             ///< why there is none, where there might be one
  config::endpoint how;            ///< who named it, and as what
  net::endpoint route;             ///< proxy and certificates
};

struct registry_settings {
  std::set<std::string> plain_http;  ///< registries spoken to in clear text; "*" means all
  std::set<std::string> tls_only;    ///< registries of this machine that are not asked in clear text
  std::shared_ptr<credential_source> credentials;
  std::function<void(const std::string&)> log;  ///< debug lines without secrets; may be empty
  /// Where a repository can be had, the registry itself last. Empty: there alone.
  std::function<result<std::vector<config::endpoint>>(const std::string& registry, const std::string& repository)> endpoints;
  /// Called before the first request to what \ref endpoints names, with its address, so that the user hears what it weakens. May be empty.
  std::function<void(const config::endpoint&, const http::origin&)> on_endpoint;
  /// Told what the user should know; may be empty.
  std::function<void(const std::string&)> warn;
};

/// The distribution API as far as reading goes, for all registries of one engine: names to endpoints, https or not, authorisation,
/// redirects of content. One attempt each; retries are the caller's. Used on the strand alone.
class registry_client {
 public:
  registry_client(http::client& http, runtime::lanes& workers, registry_settings settings);
  ~registry_client();

  /// Opens connections to a registry that has answered before until there are \p connections, those of others included, so that the
  /// requests to come find them ready. Nothing depends on its outcome. Ends early with \p stop.
  task<> warm_up(std::string registry, unsigned connections, runtime::stop_source& stop);
  /// Closes what is idle: the next requests open connections anew, as those of a new program do.
  void cool_down() { http_.pool().clear(); }
  /// When everybody that was asked so far may be asked again.
  std::chrono::steady_clock::time_point rests_until() const { return http_.rests_until(); }

  /// GET /v2/ (distribution-spec, "Determining Support"): whether the registry lets us in. errc::unauthorized, errc::not_found when there
  /// is no such API, and those of the network.
  task<result<ping>> get_base(std::string registry, runtime::stop_source& stop);

  /// Where requests for \p image would go, in the order of \ref sites; sends none, but asks the credential source.
  task<result<std::vector<endpoint_view>>> view(reference image, runtime::stop_source& stop);

  /// The places where \p image can be had, in the order in which they are asked; the last is the registry itself. \param by_digest not by
  /// tag. errc::forbidden for what the host's configuration blocks.
  result<std::vector<site>> sites(const reference& image, bool by_digest);
  /// Whether the registry of \p image has refused the credentials for it so often that they are not sent any more (authenticator).
  bool refuses_account(const reference& image) const;
  /// Whether GETs of this manifest are limited, so that a HEAD before one may save something.
  bool counts_pulls(const reference& image);
  /// Whether everybody who may be asked for blobs of \p image has answered with ranges before, in this run or an earlier one.
  bool answers_ranges(const reference& image);

  /// What an earlier run learnt; before the first request.
  void use_hints(hints known);
  /// The same with what this run has learnt.
  hints learnt() const;

  /// Who may answer for \p image, as one name: its registry, and before it its mirrors, e.g. `m.example or docker.io`.
  std::string places_of(const reference& image) const;
  /// When one of \p places, a registry or what \ref places_of gives, answered last; nothing when none ever has.
  std::optional<std::chrono::steady_clock::time_point> last_answer(const std::string& places) const;

  /// \ref sites in the order in which they are asked for one thing, without mirrors that rest; the registry itself is always among them.
  /// With a digest in \p image the mirrors for digests, else those for tags.
  result<std::vector<site>> order(const reference& image, precedence whom);
  /// Notes that \p registry, or a mirror of that name, answered, wherever its content came from, or in the failure when it last did.
  template <class T>
  void note_answer(const std::string& registry, result<T>& outcome);
  /// Notes in \p why, with which the registry of \p image failed, when one of its mirrors gave what it was asked for: such an image is
  /// worth waiting for. \param refused mirrors that do not have it
  void note_mirrors(const reference& image, const std::set<std::string>& refused, failure& why);
  /// A mirror failed: it rests, and is dropped for wrong content. The user is told once, unless it just does not have what was asked for.
  /// \param instead who is asked in its place; null: nobody
  void note_failure(const site& where, const failure& why, const site* instead);
  /// \p mirror gave a list in place of the registry, which failed. The user is told once.
  void note_substitute(const site& itself, const failure& why, const site& mirror);

  /// GET /v2/<name>/manifests/<reference> (distribution-spec, "Pulling manifests"). A digest in \p image decides and is verified. What the
  /// registry itself answers is the failure that is returned, see ask_sites.hpp.
  /// errc::not_found, unauthorized, forbidden, rate_limited, digest_mismatch, limit_exceeded and those of the network.
  task<result<document>> get_manifest(reference image, runtime::stop_source& stop, precedence whom = precedence::mirrors_first);
  /// The same of one site alone.
  task<result<document>> get_manifest_at(site at, runtime::stop_source& stop);

  /// GET /v2/<name>/blobs/<digest>, redirects followed. With a range the answer may still be a 200 with the whole:
  /// http::check_range_answer tells. \param elsewhere when given, set to the place that redirects led to \returns an
  /// answer with status 200 or 206 whose body is unread, not verified here.
  task<result<http::exchange>> get_blob(site at, gantry::digest blob, blob_request part, runtime::stop_source& stop,
                                        std::optional<blob_place>* elsewhere = nullptr);

  /// GET of a place that \ref get_blob at \p from was led to; whatever its status. On another origin without credentials and without
  /// further redirects.
  task<result<http::exchange>> get_direct(site from, blob_place place, blob_request part, runtime::stop_source& stop);

  /// GET of a foreign layer at \p address, one of the `urls` of its descriptor: a choice of the registry's, so the origin policy judges it
  /// and its redirects; no credentials are sent. \param at whose choice it was \param served_at set to where the answer came from
  /// \returns the answer, whatever its status
  task<result<http::exchange>> get_foreign(site at, std::string address, blob_request part, runtime::stop_source& stop,
                                           http::url& served_at);

  /// Sends any request to the registry itself, wherever the host's configuration has moved it, authorised, redirects of safe methods
  /// followed. \param answered_by when given, set to the URL that the answer came
  /// from \returns the answer, whatever its status, body unread.
  task<result<http::exchange>> call(api_call what, runtime::stop_source& stop, http::url* answered_by = nullptr);

  /// Sends a request about the repository of \p at there; registry and repository of \p what are filled in. Else as \ref call.
  task<result<http::exchange>> call_at(site at, api_call what, runtime::stop_source& stop, http::url* answered_by = nullptr);

  /// Sends a request, to a URL of the registry's own that it has named, on whose answer nothing depends: with the authorisation that is at
  /// hand and no other, for a refusal must not count against the account. Nothing is sent to any other origin.
  task<> send_aside(api_call what, runtime::stop_source& stop);

  /// Sends a request to a URL of another origin that the registry has named for it, without credentials and without redirects.
  task<result<http::exchange>> call_elsewhere(http::request message, http::body_source* body, runtime::stop_source& stop);

  /// What an error answer to \ref call means, in words for people. \param what the object, e.g. `the tags of HOST/NAME`
  task<failure> refusal(std::string registry, std::string repository, std::string what, http::exchange reply);

  /// What an error answer to \ref call_at means.
  task<failure> refusal_at(site at, std::string what, http::exchange reply);

  /// What an error answer to \p part, a request for a blob, means. Of a 416 as http::unsatisfied_range, with whom and what was asked.
  task<failure> blob_refusal(site at, gantry::digest blob, blob_request part, http::exchange reply);

  /// The whole of a small blob, verified: a configuration. errc::limit_exceeded above model::document_limit, errc::size_mismatch,
  /// errc::digest_mismatch.
  task<result<std::string>> read_blob(reference image, descriptor blob, runtime::stop_source& stop);

 private:
  struct host;
  /// Whether the registry is on this machine: it is asked in clear text when it does not speak TLS.
  bool is_here(const std::string& registry) const;
  host& host_for(const config::endpoint& at);
  host& host_for(const std::string& registry);
  /// Where the registry itself is, last of \ref sites.
  result<config::endpoint> home_of(const std::string& registry, const std::string& repository) const;
  /// Addresses \p what to where its repository is.
  result<void> settle(api_call& what, const config::endpoint& home) const;
  task<result<http::exchange>> send_once(http::request message, http::body_source* body, runtime::stop_source& stop);
  void note_quota(host& where, const http::response_head& answer);
  /// Shows what the registry wants users to know, each text once.
  void note_warnings(host& where, const http::response_head& answer);
  task<result<endpoint_view>> view_of(site at, runtime::stop_source& stop);
  task<failure> refusal_by(host& where, std::string registry, std::string repository, std::string local_name, std::string what,
                           http::exchange reply);
  task<result<std::string>> read_blob_at(site at, descriptor blob, runtime::stop_source& stop);
  task<result<http::exchange>> send(host& where, api_call what, runtime::stop_source& stop, std::optional<blob_place>* elsewhere = nullptr,
                                    http::url* answered_by = nullptr);
  /// Follows the redirects of \p reply, the answer to \p sent, which becomes the last request. \param body of the request, or null
  task<result<http::exchange>> follow(http::request& sent, http::exchange reply, http::url_channel channel, http::body_source* body,
                                      runtime::stop_source& stop);
  /// The Authorization that \p what, which must outlive the call, is sent with at first; empty: none.
  task<result<std::string>> first_authorization(host& where, const http::origin& api, const api_call& what, runtime::stop_source& stop);
  /// Asks the base of the API for the challenge that an answer to \p what did not carry, once for each host, and answers it with the login
  /// that is known. \p what must outlive the call. \returns the Authorization value, empty when the base lets everybody in
  task<result<std::string>> ask_for_challenge(host& where, const http::origin& api, const api_call& what, runtime::stop_source& stop);
  /// Whether a login is known for what \p what, which must outlive the call, is about. A source that fails is an error to who reads; who
  /// writes goes on until he is asked for it, and is told.
  task<result<bool>> knows_login(host& where, const api_call& what, runtime::stop_source& stop);
  /// \p why nothing came back, and what could be done about it.
  failure unanswered(const host& where, const http::origin& api, const std::string& repository, failure why);
  task<result<http::exchange>> send_to(host& where, std::string scheme, api_call what, runtime::stop_source& stop,
                                       std::optional<blob_place>* elsewhere, http::url* answered_by);

  http::client& http_;
  runtime::lanes& workers_;
  registry_settings settings_;
  std::map<std::string, std::unique_ptr<host>> hosts_;                    ///< by name, scheme and rules of TLS
  std::map<std::string, std::chrono::steady_clock::time_point> answers_;  ///< when a registry last answered
  hints hints_;
};

}  // namespace gantry::registry
