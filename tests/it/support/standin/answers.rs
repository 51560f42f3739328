//! The answers of each kind of provider.

use serde_json::{Value, json};

use super::super::provider::{Seen, query};
use super::{CLIENT_ID, Call, Employee, Said, Standin, said};

impl Standin {
    // -- Feishu and Lark --

    pub(super) fn feishu(&self, call: Call, method: &str, seen: &Seen) -> Said {
        if call == Call::Profile {
            self.expect(!seen.target.contains('?'), "user_info has a query");
            let Some(employee) = self.bearer(method, seen) else {
                let msg = "Invalid access token for authorization. Please make a test attempt";
                return said(400, &json!({"code": 99_991_668, "msg": msg}));
            };
            let name = &employee.name;
            let data = json!({
                "name": format!("{name} 王"),
                "en_name": name,
                "avatar_url": "https://www.feishu.cn/avatar/icon",
                "open_id": format!("ou_{name}"),
                "union_id": format!("on_{name}"),
                "email": format!("{name}@example.com"),
                "enterprise_email": format!("{name}@mail.example.com"),
                "user_id": name,
                "mobile": "+86130002883xx",
                "tenant_key": "736588c92lxf175d",
                "employee_no": "111222333",
            });
            return said(200, &json!({"code": 0, "msg": "success", "data": data}));
        }
        let body = self.json_body(method, seen);
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let refuse = |code: u32, error: &str| {
            let description = "as the documentation says";
            said(
                400,
                &json!({"code": code, "error": error, "error_description": description}),
            )
        };
        let mut names = vec!["grant_type", "client_id", "client_secret"];
        let is_refresh = text("grant_type") == Some("refresh_token");
        if is_refresh {
            names.push("refresh_token");
        } else {
            names.extend(["code", "redirect_uri", "code_verifier"]);
        }
        self.expect_names("token", body.keys(), &names);
        if text("client_id") != Some(CLIENT_ID)
            || text("client_secret") != Some(self.secret.as_str())
        {
            return refuse(20002, "invalid_client");
        }
        let employee = if is_refresh {
            match self.take_refresh(text("refresh_token").unwrap_or_default()) {
                Some(Ok(employee)) => employee,
                // There is no `invalid_grant`; the number says it.
                Some(Err(())) => return refuse(20066, "invalid_request"),
                None => return refuse(20073, "invalid_grant"),
            }
        } else {
            let code = text("code").unwrap_or_default();
            match self.take(code, text("code_verifier"), text("redirect_uri")) {
                Some(employee) => employee,
                None => return refuse(20003, "invalid_grant"),
            }
        };
        let (access, refresh) = self.issue(&employee);
        let answer = json!({
            "code": 0,
            "access_token": access,
            "expires_in": 7200,
            "refresh_token": refresh,
            "refresh_token_expires_in": 604_800,
            "token_type": "Bearer",
            "scope": "auth:user.id:read offline_access",
        });
        said(200, &answer)
    }

    // -- DingTalk --

    pub(super) fn dingtalk(&self, call: Call, method: &str, seen: &Seen) -> Said {
        let refuse = |status: u16, code: &str| {
            let body = json!({"code": code, "requestid": "7C9F-1", "message": "不合法"});
            said(status, &body)
        };
        if call == Call::Profile {
            self.expect(method == "GET", "who it is is asked by a GET");
            self.expect(!seen.target.contains('?'), "users/me has a query");
            self.expect(
                seen.header("authorization").is_none(),
                "users/me has Authorization",
            );
            let token = seen.header("x-acs-dingtalk-access-token");
            let Some(employee) = token.and_then(|token| self.holder(token)) else {
                return refuse(400, "InvalidAuthentication");
            };
            let name = &employee.name;
            let answer = json!({
                "nick": format!("{name} 王"),
                "avatarUrl": "https://xxx",
                "mobile": "150xxxx9144",
                "openId": format!("open-{name}"),
                "unionId": format!("union-{name}"),
                "email": format!("{name}@example.com"),
                "stateCode": "86",
            });
            return said(200, &answer);
        }
        let body = self.json_body(method, seen);
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let is_refresh = text("grantType") == Some("refresh_token");
        let last = if is_refresh { "refreshToken" } else { "code" };
        let names = ["grantType", "clientId", "clientSecret", last];
        self.expect_names("token", body.keys(), &names);
        if text("clientId") != Some(CLIENT_ID) || text("clientSecret") != Some(self.secret.as_str())
        {
            return refuse(400, "invalidClientIdOrSecret");
        }
        let given = text(last).unwrap_or_default();
        let employee = if is_refresh {
            self.take_refresh(given).and_then(Result::ok)
        } else {
            self.take(given, None, None)
        };
        let Some(employee) = employee else {
            return refuse(400, "invalidParameter.authCode.notFound");
        };
        let (access, refresh) = self.issue(&employee);
        let answer = json!({
            "accessToken": access,
            "refreshToken": refresh,
            "expireIn": 7200,
            "corpId": employee.corp_id,
        });
        said(200, &answer)
    }

    // -- WeCom --

    pub(super) fn wecom(&self, call: Call, method: &str, seen: &Seen) -> Said {
        self.expect(method == "GET", "all calls are GETs");
        self.expect(seen.body.is_empty(), "a GET has a body");
        self.expect(
            seen.header("authorization").is_none(),
            "a call has Authorization",
        );
        let query = query(&format!("{}{}", self.url, seen.target));
        let text = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
        let refuse = |code: u32, message: &str| {
            // The status is always 200.
            said(200, &json!({"errcode": code, "errmsg": message}))
        };
        if call == Call::Token {
            self.expect_names("token", query.keys(), &["corpid", "corpsecret"]);
            if text("corpid") != CLIENT_ID || text("corpsecret") != self.secret {
                return refuse(40001, "invalid credential");
            }
            // This token belongs to the app, and to no person.
            let (access, _) = self.issue(&Employee::named(""));
            let answer =
                json!({"errcode": 0, "errmsg": "ok", "access_token": access, "expires_in": 7200});
            return said(200, &answer);
        }
        let last = if call == Call::Profile {
            "code"
        } else {
            "userid"
        };
        self.expect_names("who it is", query.keys(), &["access_token", last]);
        if self.holder(text("access_token")).is_none() {
            return refuse(40014, "invalid access_token");
        }
        if call == Call::Profile {
            let Some(employee) = self.take(text("code"), None, None) else {
                return refuse(40029, "invalid code");
            };
            let name = &employee.name;
            let mut answer = json!({"errcode": 0, "errmsg": "ok"});
            if employee.is_member {
                answer["userid"] = name.as_str().into();
            } else {
                answer["openid"] = format!("o_{name}").into();
                answer["external_userid"] = format!("wm_{name}").into();
            }
            return said(200, &answer);
        }
        let name = text("userid");
        let answer = json!({
            "errcode": 0,
            "errmsg": "ok",
            "userid": name,
            "name": format!("{name} 王"),
            "department": [1, 2],
            "position": "后台工程师",
            "biz_mail": format!("{name}@example.com"),
            "status": 1,
            "main_department": 1,
        });
        said(200, &answer)
    }

    // -- GitHub --

    pub(super) fn github(&self, call: Call, method: &str, seen: &Seen) -> Said {
        if call == Call::Token {
            return self.github_token(method, seen);
        }
        let Some(employee) = self.bearer(method, seen) else {
            return said(401, &json!({"message": "Bad credentials", "status": "401"}));
        };
        let name = &employee.name;
        if call == Call::Profile {
            let answer = json!({
                "login": name,
                "id": 583_231,
                "node_id": "MDQ6VXNlcjE=",
                "type": "User",
                "site_admin": false,
                "name": format!("{name} 王"),
                "company": null,
                // The address is not public.
                "email": null,
            });
            return said(200, &answer);
        }
        let answer = json!([
            {"email": format!("{name}@home.example.net"), "primary": false, "verified": false, "visibility": null},
            {"email": format!("{name}@example.com"), "primary": true, "verified": true, "visibility": "private"},
        ]);
        said(200, &answer)
    }

    fn github_token(&self, method: &str, seen: &Seen) -> Said {
        self.expect(method == "POST", "the token call is a POST");
        self.expect(
            !seen.target.contains('?'),
            "the token call's address has a query",
        );
        let content_type = seen.header("content-type").unwrap_or_default();
        self.expect(
            content_type == "application/x-www-form-urlencoded",
            "the token call is a form",
        );
        let form = seen.form();
        let text = |name: &str| form.get(name).map(String::as_str);
        let answer = |answer: Value| {
            let accepts = seen.header("accept").unwrap_or_default();
            if accepts.contains("application/json") {
                // Errors have status 200 too.
                return said(200, &answer);
            }
            let pairs = answer.as_object().into_iter().flatten();
            let body = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(pairs.map(|(name, value)| (name, value.to_string())))
                .finish();
            (200, "application/x-www-form-urlencoded", body)
        };
        let is_refresh = text("grant_type") == Some("refresh_token");
        let mut names = vec!["grant_type", "client_id", "client_secret"];
        if is_refresh {
            names.push("refresh_token");
        } else {
            names.extend(["code", "redirect_uri", "code_verifier"]);
        }
        self.expect_names("token", form.keys(), &names);
        if text("client_id") != Some(CLIENT_ID)
            || text("client_secret") != Some(self.secret.as_str())
        {
            return answer(json!({"error": "incorrect_client_credentials"}));
        }
        let (employee, error) = if is_refresh {
            let token = text("refresh_token").unwrap_or_default();
            let employee = self.take_refresh(token).and_then(Result::ok);
            (employee, "bad_refresh_token")
        } else {
            let code = text("code").unwrap_or_default();
            let employee = self.take(code, text("code_verifier"), text("redirect_uri"));
            (employee, "bad_verification_code")
        };
        let Some(employee) = employee else {
            return answer(json!({"error": error, "error_description": "The code is incorrect"}));
        };
        // It behaves like a GitHub App whose user tokens expire.
        let (access, refresh) = self.issue(&employee);
        answer(json!({
            "access_token": access,
            "expires_in": 28800,
            "refresh_token": refresh,
            "refresh_token_expires_in": 15_897_600,
            "scope": "",
            "token_type": "bearer",
        }))
    }
}
