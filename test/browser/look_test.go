// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package browser

import (
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/license-operator/license-operator/internal/secrets"
)

// contrast is an expression for the least contrast of text on what is behind
// it, as WCAG 2.2 computes it, of what can be read on the page.
const contrast = `(() => {
  const parts = c => c.match(/[\d.]+/g).map(Number);
  const light = c => {
    const [r, g, b] = parts(c).map(v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4 });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = e => {
    for (; e; e = e.parentElement) {
      const c = getComputedStyle(e).backgroundColor, p = parts(c);
      if (p.length < 4 || p[3] > 0) return c;
    }
    return "rgb(255, 255, 255)";
  };
  const of = e => {
    const a = light(getComputedStyle(e).color), b = light(behind(e));
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  return Math.min(...[...document.querySelectorAll("h1, p, dt, dd, button, code")].map(of));
})()`

func TestThePagesCanBeReadOnAPhoneAndInTheDark(t *testing.T) {
	s, b := newSite(t, nil), open(t)
	for heading, link := range map[string]string{
		registrationHeading: s.registration, activationHeading: s.activation,
		"This link has expired": s.expired(secrets.RegistrationLink, "/register/"),
	} {
		for _, scheme := range []string{"light", "dark"} {
			b.do(chromedp.EmulateViewport(320, 568, chromedp.EmulateMobile, chromedp.EmulateTouch))
			if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}); err != nil {
				t.Fatal(err)
			}
			b.visit(link, heading)
			if width := value[int](b, "document.documentElement.scrollWidth"); width > 320 {
				t.Errorf("%s is %d pixels wide on a phone of 320", heading, width)
			}
			if ratio := value[float64](b, contrast); ratio < 4.5 {
				t.Errorf("%s, %s: a contrast of %.2f, want 4.5", heading, scheme, ratio)
			}
			if size := value[float64](b, `parseFloat(getComputedStyle(document.querySelector("main p")).fontSize)`); size < 16 {
				t.Errorf("%s: the text is %.1f pixels high", heading, size)
			}
			if heading == "This link has expired" {
				b.complained() // Of the status.
				continue
			}
			if height := value[float64](b, `document.querySelector("button").getBoundingClientRect().height`); height < 44 {
				t.Errorf("%s: the button is %.0f pixels high", heading, height)
			}
			if bottom := value[float64](b, `document.querySelector("button").getBoundingClientRect().bottom`); bottom > 568 {
				t.Errorf("%s: the button is out of sight, at %.0f", heading, bottom)
			}
			b.content()
		}
	}
	// With text twice as large nothing is cut off.
	b.do(chromedp.EmulateViewport(320, 568))
	b.visit(s.registration, registrationHeading)
	value[string](b, `document.documentElement.style.fontSize = "200%"`)
	if width := value[int](b, "document.documentElement.scrollWidth"); width > 320 {
		t.Errorf("with large text it is %d pixels wide", width)
	}
}

func TestAScreenReaderIsToldWhatIsWhat(t *testing.T) {
	s, b := newSite(t, nil), open(t)
	b.visit(s.registration, registrationHeading)
	want := map[string]string{
		"main":        "",
		"contentinfo": "",
		"heading":     registrationHeading,
		"button":      "Set up your account",
		"RootWebArea": registrationHeading,
	}
	for role, name := range roles(b) {
		if expected, ok := want[role]; ok && expected != "" && expected != name {
			t.Errorf("the %s is called %q, want %q", role, name, expected)
		}
		delete(want, role)
	}
	for role := range want {
		t.Errorf("there is no %s", role)
	}
	b.content()
}
