package wssec

import (
	"errors"
	"fmt"
	"slices"
)

// checkContext holds a policy that takes SecurityContextTokens to what keeps
// them safe: a token that goes with every message proves nothing by itself where
// others can read it, and its messages bring no fresh ticket that would tell one
// from its replay.
func (p *Policy) checkContext() error {
	if !p.takesContext() {
		return nil
	}
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if p.takesContext() && !p.signs() && (p.Binding != TransportBinding || p.AllowPlainHTTP) {
		fail("supporting-tokens: whoever sees a %s token can send it, unless its key signs; set use: endorsing, or leave "+
			"it to a transport binding over TLS", p.ClientToken())
	}
	if p.Timestamp != TimestampRequired {
		fail("timestamp: a message under a %s token needs one against replay; set timestamp: required", p.ClientToken())
	}
	if p.MessageReplay == SwitchOff && !p.NeedsTLS() {
		fail("message-replay: a message under a %s token brings no fresh ticket; set message-replay: on", p.ClientToken())
	}
	if p.TokenOnce {
		fail("token-once: is for kerberos tokens; a %s token is named in each message anyway", p.ClientToken())
	}
	return errors.Join(errs...)
}

// checkBootstrap requires the policy under which SecurityContextTokens are
// issued (SP §5.4.7), where there are any.
func (p *Policy) checkBootstrap() error {
	needed := p.ClientToken() == SecureConversationToken
	switch b := p.Bootstrap; {
	case b == nil && !needed:
		return nil
	case b == nil:
		return errors.New("bootstrap: a secure-conversation token is issued under another policy; name that")
	case !needed:
		return errors.New("bootstrap: only a secure-conversation token is issued under another policy")
	case b.ClientToken() == SecureConversationToken:
		return errors.New("bootstrap: a secure-conversation token cannot be asked for under another")
	case !slices.Equal(b.Actors, p.Actors):
		return fmt.Errorf("bootstrap: actor %q differs from that of the policy, %q", b.Actors, p.Actors)
	default:
		if err := b.Validate(); err != nil {
			return fmt.Errorf("bootstrap: %w", err)
		}
		return nil
	}
}

// checkTokensAlone refuses policies of one route of which one takes a
// SecurityContextToken for proof enough, as it does over TLS, and another has
// messages that show such a token to whoever listens.
func checkTokensAlone(names []string, policies []Policy) error {
	for i, p := range policies {
		if !p.takesContext() || p.signs() {
			continue
		}
		for j := range policies {
			for q := &policies[j]; q != nil; q = q.Bootstrap {
				shows := q.ClientToken() == p.ClientToken() ||
					q != &policies[j] && p.ClientToken() == SecureConversationToken // it endorses requests to renew it
				if shows && !q.NeedsTLS() {
					return fmt.Errorf("%s takes a %s token without a signature of its key, and messages under %s show theirs to "+
						"whoever listens: let the token sign, or give each policy a route of its own", names[i], p.ClientToken(),
						names[j])
				}
			}
		}
	}
	return nil
}
