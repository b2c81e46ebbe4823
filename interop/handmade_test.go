package interop

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// gssToken is what gssinit.py prints.
type gssToken struct {
	Token   []byte `json:"token"` // GSS-framed AP-REQ
	Key     []byte `json:"key"`
	Enctype int    `json:"enctype"`
}

// initiate lets python-gssapi begin a context with the service, bound to the
// TLS server at addr unless that is "".
func initiate(t *testing.T, k *kdc, addr string) gssToken {
	t.Helper()
	python := python(t, "gssapi python3-gssapi")
	env := append(k.env(), "KRB5_CLIENT_KTNAME="+k.file("alice.keytab"), "KRB5CCNAME=MEMORY:interop")
	args := []string{"gssinit.py", service}
	if host, port, ok := strings.Cut(addr, ":"); ok {
		args = append(args, host, port)
	}
	var tok gssToken
	if err := json.Unmarshal([]byte(mustRun(t, env, python, args...)), &tok); err != nil {
		t.Fatal(err)
	}
	return tok
}

const (
	nsSOAP = "http://schemas.xmlsoap.org/soap/envelope/"
	nsWSU  = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
	nsWSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
	nsDS   = "http://www.w3.org/2000/09/xmldsig#"
	nsXENC = "http://www.w3.org/2001/04/xmlenc#"
	krbAP  = "http://docs.oasis-open.org/wss/oasis-wss-kerberos-token-profile-1.1#GSS_Kerberosv5_AP_REQ"
	excC14 = "http://www.w3.org/2001/10/xml-exc-c14n#"
)

// handmade builds a protected request without any of our packages: the policy
// of KtpSymmetric, Body and Timestamp signed with HMAC-SHA1, then the content
// of Body encrypted with AES-128-CBC. Each signed element is written in
// canonical form (every prefix that it uses is declared on it, attributes in
// order), so that its text is what is hashed.
func handmade(tok gssToken, payload string) []byte {
	now := time.Now().UTC()
	const stamp = "2006-01-02T15:04:05.000Z"
	timestamp := fmt.Sprintf(`<wsu:Timestamp xmlns:wsu="%s" `+
		`wsu:Id="ts"><wsu:Created>%s</wsu:Created><wsu:Expires>%s</wsu:Expires></wsu:Timestamp>`,
		nsWSU, now.Format(stamp), now.Add(5*time.Minute).Format(stamp))
	bodyTag := fmt.Sprintf(`<soap:Body xmlns:soap="%s" xmlns:wsu="%s" wsu:Id="body">`, nsSOAP, nsWSU)

	reference := func(id, canonical string) string {
		sum := sha1.Sum([]byte(canonical))
		return fmt.Sprintf(`<ds:Reference URI="#%s"><ds:Transforms><ds:Transform `+
			`Algorithm="%s"></ds:Transform></ds:Transforms>`+
			`<ds:DigestMethod Algorithm="%ssha1"></ds:DigestMethod><ds:DigestValue>%s</ds:DigestValue></ds:Reference>`,
			id, excC14, nsDS, base64.StdEncoding.EncodeToString(sum[:]))
	}
	signedInfo := fmt.Sprintf(`<ds:SignedInfo xmlns:ds="%s"><ds:CanonicalizationMethod `+
		`Algorithm="%s"></ds:CanonicalizationMethod>`+
		`<ds:SignatureMethod Algorithm="%shmac-sha1"></ds:SignatureMethod>%s%s</ds:SignedInfo>`,
		nsDS, excC14, nsDS, reference("ts", timestamp), reference("body", bodyTag+payload+"</soap:Body>"))
	mac := hmac.New(sha1.New, tok.Key)
	mac.Write([]byte(signedInfo))

	str := fmt.Sprintf(`<wsse:SecurityTokenReference xmlns:wsse="%s"><wsse:Reference URI="#bst" `+
		`ValueType="%s"/></wsse:SecurityTokenReference>`, nsWSSE, krbAP)
	var b bytes.Buffer
	fmt.Fprintf(&b, `<soap:Envelope xmlns:soap="%s"><soap:Header><wsse:Security xmlns:wsse="%s" `+
		`soap:mustUnderstand="1">%s`, nsSOAP, nsWSSE, timestamp)
	fmt.Fprintf(&b, `<wsse:BinarySecurityToken xmlns:wsu="%s" wsu:Id="bst" ValueType="%s" `+
		`EncodingType="%s">%s</wsse:BinarySecurityToken>`,
		nsWSU, krbAP, "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary",
		base64.StdEncoding.EncodeToString(tok.Token))
	fmt.Fprintf(&b, `<xenc:ReferenceList xmlns:xenc="%s"><xenc:DataReference URI="#ed"/></xenc:ReferenceList>`, nsXENC)
	fmt.Fprintf(&b, `<ds:Signature xmlns:ds="%s">%s<ds:SignatureValue>%s</ds:SignatureValue><ds:KeyInfo>`+
		`%s</ds:KeyInfo></ds:Signature>`,
		nsDS, signedInfo, base64.StdEncoding.EncodeToString(mac.Sum(nil)), str)
	fmt.Fprintf(&b, `</wsse:Security></soap:Header>%s<xenc:EncryptedData xmlns:xenc="%s" Id="ed" Type="%sContent">`,
		bodyTag, nsXENC, nsXENC)
	fmt.Fprintf(&b, `<xenc:EncryptionMethod Algorithm="%saes128-cbc"/><ds:KeyInfo xmlns:ds="%s">%s</ds:KeyInfo>`,
		nsXENC, nsDS, str)
	fmt.Fprintf(&b, `<xenc:CipherData><xenc:CipherValue>%s</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>`+
		`</soap:Body></soap:Envelope>`,
		base64.StdEncoding.EncodeToString(encryptCBC(tok.Key[:16], []byte(payload))))
	return b.Bytes()
}

// encryptCBC encrypts as XML Encryption 1.0 §5.2 has it: IV first, the last
// octet of the padding is its length.
func encryptCBC(key, plaintext []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	pad := aes.BlockSize - len(plaintext)%aes.BlockSize
	out := append(make([]byte, aes.BlockSize), plaintext...)
	out = append(out, bytes.Repeat([]byte{byte(pad)}, pad)...)
	rand.Read(out[:aes.BlockSize])
	cipher.NewCBCEncrypter(block, out[:aes.BlockSize]).CryptBlocks(out[aes.BlockSize:], out[aes.BlockSize:])
	return out
}

// post sends a SOAP 1.1 message and returns status and body of the answer.
func post(t *testing.T, url string, message []byte) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", url, bytes.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "text/xml; charset=UTF-8")
	req.Header.Set("SOAPAction", `""`)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body
}

// openReply decrypts a reply with xmlsec1 and the octets of the Kerberos key,
// lets it verify the HMAC, and returns the opened message.
func openReply(t *testing.T, key, reply []byte) string {
	t.Helper()
	need(t, "xmlsec1")
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	opened := filepath.Join(dir, "opened.xml")
	mustRun(t, nil, "xmlsec1", "--decrypt", "--aeskey", write("aes", key[:16]), "--output", opened,
		write("reply.xml", reply))
	out := mustRun(t, nil, "xmlsec1", "--verify", "--hmackey", write("hmac", key), "--id-attr:Id", nsWSU+":Timestamp",
		"--id-attr:Id", nsSOAP+":Body", opened)
	if !strings.Contains(out, "SignedInfo References (ok/all): 2/2") {
		t.Fatalf("xmlsec1 did not verify two references:\n%s", out)
	}
	b, err := os.ReadFile(opened)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const doubleIt = `<di:DoubleIt xmlns:di="http://www.example.org/schema/DoubleIt"><numberToDouble>` +
	`21</numberToDouble></di:DoubleIt>`

// The hand-made message has to be right by somebody else's judgement before
// ours counts.
func TestHandmadeRequestIsAcceptedByCXF(t *testing.T) {
	need(t, "xmlsec1")
	c := newCXF(t, startKDC(t))
	tok := initiate(t, c.kdc, "")
	server, _ := c.secureServer(t)
	status, reply := post(t, server+"/KtpSymmetric", handmade(tok, doubleIt))
	if status != http.StatusOK {
		t.Fatalf("HTTP %d\n%s", status, reply)
	}
	if opened := openReply(t, tok.Key, reply); !strings.Contains(opened, "<doubledNumber>42</doubledNumber>") {
		t.Errorf("opened reply: %s", opened)
	}
}
