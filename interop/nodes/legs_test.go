package nodes

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wstrust"
)

// An initiator is a client that has NTLM first in its list, and so needs three
// legs: the list, the Kerberos token, and a MIC over the list.
type initiator struct {
	krb5 *gss.Context
	leg  int
}

func (k *worker) initiator(service string) (*initiator, error) {
	ticket, err := k.tickets.ServiceTicket(k.ctx, service)
	if err != nil {
		return nil, err
	}
	c, err := gss.NewInitiatorContext(ticket, gss.InitConfig{Mechanism: gss.MechanismKRB5})
	return &initiator{krb5: c}, err
}

// next returns the next token to send, given the one that came, nil at first.
func (i *initiator) next(k *worker, came []byte) ([]byte, error) {
	mechs := krbtest.MechTypes(krbtest.OIDNTLM, krbtest.OIDKRB5)
	i.leg++
	switch resp, ok := krbtest.ReadNegTokenResp(came); {
	case i.leg == 1:
		return krbtest.NegTokenInit{MechTypes: mechs, MechToken: []byte("NTLMSSP\x00\x01\x00\x00\x00")}.Token(), nil
	case !ok:
		return nil, errors.New("no NegTokenResp")
	case i.leg == 2:
		token, _, err := i.krb5.Step(k.ctx, nil)
		return krbtest.NegTokenResp{State: krbtest.StateAcceptIncomplete, ResponseToken: token}.Token(), err
	default:
		if _, _, err := i.krb5.Step(k.ctx, resp.ResponseToken); err != nil {
			return nil, err
		}
		mic, err := i.krb5.MIC(mechs)
		return krbtest.NegTokenResp{State: krbtest.StateAcceptCompleted, MIC: mic}.Token(), err
	}
}

// legs negotiates security contexts in three legs, each of which another node
// answers.
func (k *worker) legs() func() error {
	n := 0
	return func() error {
		n++
		i, err := k.initiator(service)
		if err != nil {
			return k.unlessEnded(err)
		}
		var came []byte
		for i.leg < 3 {
			token, err := i.next(k, came)
			if err != nil {
				return k.unlessEnded(err)
			}
			if came, err = k.leg(fmt.Sprint(k.name, "-", n), i.leg, token); err != nil {
				return fmt.Errorf("leg %d: %w", i.leg, err)
			}
		}
		return nil
	}
}

// unlessEnded is nil once the load has ended, with which the client's own steps
// end too.
func (k *worker) unlessEnded(err error) error {
	if k.ctx.Err() != nil {
		return nil
	}
	return err
}

// leg sends a leg of a negotiation by WS-Trust, and returns the token in the
// answer, nil for the last one.
func (k *worker) leg(name string, leg int, token []byte) ([]byte, error) {
	const v = wstrust.V13
	exchange := &wstrust.BinaryExchange{ValueType: v.SPNEGO(), Token: token}
	action := v.ActionRST()
	content := (&wstrust.RequestSecurityToken{Version: v, Context: name, TokenType: v.TokenType(),
		RequestType: wstrust.Issue, KeySize: 256, Exchange: exchange}).Append(nil)
	if leg > 1 {
		action = v.ActionRSTR()
		content = (&wstrust.RequestSecurityTokenResponse{Version: v, Context: name, Exchange: exchange}).Append(nil)
	}
	r, err := http.NewRequest(http.MethodPost, k.url+"/negotiated", strings.NewReader(fmt.Sprintf(
		`<s:Envelope xmlns:s="%s"><s:Header><a:Action xmlns:a="%s">%s</a:Action></s:Header><s:Body>%s</s:Body></s:Envelope>`,
		soap.NS11, soap.NSAddressing, action, content)))
	if err != nil {
		return nil, err
	}
	r.Header.Set(workerHeader, k.name)
	r.Header.Set("Content-Type", soap.V11.ContentType())
	r.Header.Set("SOAPAction", `"`+action+`"`)
	resp, err := k.transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("HTTP %d %.600s %w", resp.StatusCode, body, err)
	}
	return tokenIn(body, leg)
}

// tokenIn returns the token of an answer to a leg.
func tokenIn(body []byte, leg int) ([]byte, error) {
	env, err := soap.Parse(body, xmltext.Options{})
	if err != nil {
		return nil, err
	}
	element := env.Body.FirstChild()
	if leg == 3 {
		if element.Local() != "RequestSecurityTokenResponseCollection" {
			return nil, errors.New("the last leg ends with no collection")
		}
		return nil, nil
	}
	exchange := element.Child(wstrust.NSTrust13, "BinaryExchange")
	if exchange.IsZero() {
		return nil, errors.New("no BinaryExchange")
	}
	return base64.StdEncoding.DecodeString(exchange.Text())
}

// httpLegs calls by HTTP Negotiate in three legs, which a cookie holds together.
func (k *worker) httpLegs() func() error {
	return func() error {
		i, err := k.initiator(website)
		if err != nil {
			return k.unlessEnded(err)
		}
		id := k.w.backend.register(k.name)
		var came []byte
		var cookies []*http.Cookie
		for {
			token, err := i.next(k, came)
			if err != nil {
				return k.unlessEnded(err)
			}
			r, err := http.NewRequest(http.MethodGet, k.url+"/http/?id="+id, nil)
			if err != nil {
				return err
			}
			r.Header.Set(workerHeader, k.name)
			r.Header.Set("Authorization", "Negotiate "+base64.StdEncoding.EncodeToString(token))
			for _, c := range cookies {
				r.AddCookie(c)
			}
			resp, err := k.transport.RoundTrip(r)
			if err != nil || i.leg == 3 {
				return k.isAnswer(resp, err, id)
			}
			resp.Body.Close()
			cookies = resp.Cookies()
			text, _ := strings.CutPrefix(resp.Header.Get("WWW-Authenticate"), "Negotiate ")
			if came, err = base64.StdEncoding.DecodeString(text); err != nil || len(came) == 0 {
				return fmt.Errorf("leg %d: HTTP %d, %q", i.leg, resp.StatusCode, text)
			}
		}
	}
}
