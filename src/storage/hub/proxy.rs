//! The proxy that the environment names for an address: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`.
//!
//! As curl and Python's `requests` read them: by the scheme of the address, small letters or capitals. Limits: `NO_PROXY`
//! names hosts and domains, no ranges of addresses.

use ureq::Proxy;
use ureq::http::Uri;

/// The proxy for an address, if there is one.
pub(super) fn proxy_for(address: &Uri) -> Option<Proxy> {
    let find = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    from_variables(address.scheme_str()?, &find)
}

fn from_variables(scheme: &str, variable: &dyn Fn(&str) -> Option<String>) -> Option<Proxy> {
    let either = |name: &str| variable(&name.to_lowercase()).or_else(|| variable(name));
    let named = either(&format!("{}_PROXY", scheme.to_uppercase())).or_else(|| either("ALL_PROXY"))?;
    let read = Proxy::new(&named).ok()?;
    let mut proxy = Proxy::builder(read.protocol()).host(read.host()).port(read.port());
    proxy = read.username().into_iter().fold(proxy, ureq::ProxyBuilder::username);
    proxy = read.password().into_iter().fold(proxy, ureq::ProxyBuilder::password);
    for host in either("NO_PROXY").unwrap_or_default().split(',') {
        let host = host.trim();
        proxy = proxy.no_proxy(host);
        // A domain stands for its hosts too.
        if !host.is_empty() && !host.starts_with(['*', '.']) {
            proxy = proxy.no_proxy(&format!(".{host}"));
        }
    }
    proxy.build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(scheme: &str, variables: &[(&str, &str)]) -> Option<Proxy> {
        from_variables(scheme, &|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn each_scheme_has_its_own_variable_and_all_have_one() {
        let named = |scheme, variables: &[(&str, &str)]| proxy(scheme, variables).map(|proxy| proxy.host().to_owned());
        let both = [("HTTP_PROXY", "http://plain.example:3128"), ("HTTPS_PROXY", "http://safe.example:3128")];
        assert_eq!(named("https", &both).as_deref(), Some("safe.example"));
        assert_eq!(named("http", &both).as_deref(), Some("plain.example"));
        assert_eq!(named("https", &both[..1]), None);
        assert_eq!(named("https", &[("all_proxy", "socks5://any.example:1080")]).as_deref(), Some("any.example"));
        let password = proxy("https", &[("https_proxy", "http://me:a%40b@safe.example:3128")]).expect("a proxy");
        assert_eq!((password.username(), password.password(), password.port()), (Some("me"), Some("a@b"), 3128));
        assert_eq!(named("https", &[("HTTPS_PROXY", "not an address")]), None);
    }

    #[test]
    fn hosts_that_need_no_proxy_are_left_out_with_their_domains() {
        let variables = [("HTTPS_PROXY", "http://safe.example:3128"), ("NO_PROXY", "127.0.0.1, hub.example")];
        let proxy = proxy("https", &variables).expect("a proxy");
        let direct = |address: &str| proxy.is_no_proxy(&address.parse().expect("an address"));
        assert!(
            direct("https://127.0.0.1:8443/a")
                && direct("https://hub.example/a")
                && direct("https://cdn.hub.example/a")
        );
        assert!(!direct("https://huggingface.co/a") && !direct("https://myhub.example/a"));
    }
}
