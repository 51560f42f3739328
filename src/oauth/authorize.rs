//! The way to a provider: the authorization request (RFC 6749 4.1.1), either in the browser's
//! address or pushed (RFC 9126).

use std::sync::Arc;

use reqwest::StatusCode;
use serde_json::Value;
use url::Url;

use super::call::call;
use super::metadata::Metadata;
use super::{Failure, Moment, Prompt, Provider, Request, Visitor, token};
use crate::config::ClientAuth;
use crate::error::{Cause, Result, Step};
use crate::secret::sha256;

impl Provider {
    /// Returns the address where the browser goes to sign in (RFC 6749 4.1.1, RFC 7636 4.3). A
    /// query in the configured address is kept, except for names that we set. The request is pushed
    /// if the provider wants that (RFC 9126).
    pub async fn authorize(
        &self,
        request: Request<'_>,
        visitor: &Visitor,
        moment: Moment,
    ) -> Result<Url, Failure> {
        let metadata = self.to_begin(visitor, moment).await?;
        let parameters = self.authorize_parameters(&request);
        // If the attempt is recorded as pushed, its request must be.
        if !request.is_pushed && !self.is_pushing(&metadata) {
            return Ok(with_query(&metadata.authorize, &parameters));
        }
        let step = Step::PushedRequest;
        let missing = Cause::BadMetadata("pushed_authorization_request_endpoint");
        let address = metadata.pushed_requests.as_ref().ok_or(missing);
        let address = address.map_err(Failure::at(step))?;
        let slot = self.sign_in_slot(visitor, step, moment.deadline).await?;
        let push = async {
            let pushed = self.push(&metadata, address, &parameters, moment);
            pushed.await.map_err(Failure::at(step))
        };
        let request_uri = slot.run_unless_recalled(step, push).await?;
        let short = [
            ("client_id".to_owned(), self.settings.client_id.clone()),
            ("request_uri".to_owned(), request_uri),
        ];
        Ok(with_query(&metadata.authorize, &short))
    }

    /// Its metadata for the way there. They are read if nothing is known yet.
    pub(super) async fn to_begin(
        &self,
        visitor: &Visitor,
        moment: Moment,
    ) -> Result<Arc<Metadata>, Failure> {
        if let Some(known) = self.known() {
            self.nudge(moment.now);
            return Ok(known);
        }
        let step = Step::Discovery;
        let slot = self.sign_in_slot(visitor, step, moment.deadline).await?;
        slot.run_unless_recalled(step, self.discover(moment)).await
    }

    fn authorize_parameters(&self, request: &Request<'_>) -> Vec<(String, String)> {
        let settings = &self.settings;
        let mut all = vec![
            ("response_type", "code".to_owned()),
            ("client_id", settings.client_id.clone()),
            ("redirect_uri", settings.redirect_url.clone()),
            ("state", request.state.to_owned()),
        ];
        if let Some(scope) = &settings.scope {
            all.push(("scope", scope.clone()));
        }
        if settings.issuer.is_some() {
            all.push(("nonce", request.nonce.to_owned()));
        }
        let prompt = self.prompt(request.prompt);
        all.extend(prompt.map(|prompt| ("prompt", prompt.to_owned())));
        // Of the two, only `max_age` has a signed result: the answer must then contain the time.
        let max_age = match request.prompt {
            Prompt::Login => Some(0),
            _ => settings.max_age.map(|max_age| max_age.as_secs()),
        };
        all.extend(max_age.map(|max_age| ("max_age", max_age.to_string())));
        if let Some(acr_values) = &settings.acr_values {
            all.push(("acr_values", acr_values.clone()));
        }
        if let Some(hint) = request.login_hint {
            all.push(("login_hint", hint.to_owned()));
        }
        if settings.pkce {
            let challenge = sha256(request.pkce_verifier.expose().as_bytes());
            all.push(("code_challenge", challenge));
            all.push(("code_challenge_method", "S256".to_owned()));
        }
        self.in_its_dialect(all)
    }

    /// The value of `prompt`, if it is sent.
    fn prompt(&self, prompt: Prompt) -> Option<&str> {
        let set = self.settings.prompt.as_deref();
        match (prompt, set) {
            // Without consent, some providers give no refresh token.
            (Prompt::Login, Some(set)) if set.split(' ').any(|word| word == "consent") => {
                Some("login consent")
            }
            (Prompt::Login, _) => Some("login"),
            // The silent attempt has failed: the provider needs to interact with the person.
            (Prompt::NotSilent, Some("none")) => None,
            (Prompt::NotSilent | Prompt::AsConfigured, set) => set,
        }
    }

    /// The parameters of an authorization request under the provider's names for them, and its
    /// extra parameters.
    fn in_its_dialect(&self, parameters: Vec<(&str, String)>) -> Vec<(String, String)> {
        let renamed = &self.settings.dialect.authorize_params;
        let extra = &self.settings.dialect.authorize_extra;
        parameters
            .into_iter()
            .map(|(name, value)| {
                let name = renamed.get(name).map_or(name, String::as_str);
                (name.to_owned(), value)
            })
            .filter(|(name, _)| !name.is_empty())
            // The other names are the protocol's own.
            .filter(|(name, _)| {
                !matches!(name.as_str(), "prompt" | "max_age") || !extra.contains_key(name)
            })
            .chain(extra.clone())
            .collect()
    }

    /// Pushes the request (RFC 9126 2).
    async fn push(
        &self,
        metadata: &Metadata,
        address: &Url,
        parameters: &[(String, String)],
        moment: Moment,
    ) -> Result<String, Cause> {
        // The client's id is already among them, or comes with its authentication.
        let mut parameters: Vec<(&str, &str)> = parameters
            .iter()
            .filter(|(name, _)| name != "client_id")
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        if self.client_auth(metadata) == ClientAuth::Basic {
            parameters.push(("client_id", &self.settings.client_id));
        }
        let request = self.client_request(metadata, address, &parameters, moment.now)?;
        let answer = call(request, moment.deadline).await;
        self.note_reachability(&answer);
        let answer = answer?;
        if !matches!(answer.status, StatusCode::CREATED | StatusCode::OK) {
            return Err(token::refusal(&answer));
        }
        let document = answer.json()?;
        match document.get("request_uri").and_then(Value::as_str) {
            Some(uri) if !uri.is_empty() && uri.len() <= 2048 => Ok(uri.to_owned()),
            _ => Err(Cause::Unreadable("request_uri")),
        }
    }

    /// True if an answer's `iss` is this provider (RFC 9207 2.4).
    pub(crate) fn is_issuer(&self, issuer: Option<&str>) -> bool {
        let Some(ours) = &self.settings.issuer else {
            return true;
        };
        match issuer {
            Some(theirs) => theirs == ours,
            None => !self.known().is_some_and(|metadata| metadata.sends_issuer),
        }
    }
}

/// An address with parameters. Its existing ones stay, except for names that are set here.
pub(super) fn with_query(address: &Url, parameters: &[(String, String)]) -> Url {
    let mut url = address.clone();
    let theirs: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| !parameters.iter().any(|(ours, _)| ours == name))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    url.query_pairs_mut()
        .clear()
        .extend_pairs(theirs)
        .extend_pairs(parameters);
    url
}
