//! The people of the console: put down, written to first with a file, made one of two, and brought by a list.

use fantoccini::Locator;

use super::Desk;
use crate::driver::find;

/// A picture that is at hand.
const PICTURE: &[u8] = include_bytes!("../../../.github/phone.png");

impl Desk {
    pub(super) async fn keep_people(&self) {
        self.go("/contacts").await;
        self.see("main h1", "Personas").await;
        self.look_through("people").await;
        let [eva, other] = ["Eva", "Eva López"].map(|name| format!("{name} ({})", self.name));
        self.put_down(&eva, 1).await;
        self.write_first().await;
        self.put_down(&other, 2).await;
        self.make_one(&eva).await;
        self.bring_a_list().await;
    }

    /// A number that is this visit's alone.
    fn number(&self, which: u32) -> String {
        format!("998 11{which} {}44", self.width % 90 + 10)
    }

    async fn put_down(&self, name: &str, which: u32) {
        self.go("/contacts/new").await;
        self.type_into("#name", name).await;
        self.type_into("#addresses", "12").await;
        self.click("[data-testid=create]").await;
        self.see("[data-testid=wrong]", "12").await;
        self.look_through("new-person").await;
        self.type_into("#addresses", &self.number(which)).await;
        self.click("[data-testid=create]").await;
        self.see("main h1", name).await;
    }

    async fn write_first(&self) {
        self.click("[data-testid=write]").await;
        self.type_into("#text", "Le mando la lista").await;
        let files = self.client.find(Locator::Css("#files")).await.expect("where files go");
        let picture = self.folder.join(format!("{}.png", self.name));
        std::fs::write(&picture, PICTURE).expect("a file");
        files.send_keys(&picture.display().to_string()).await.expect("a file");
        self.look_through("writing").await;
        self.click("[data-testid=send]").await;
        let sent = "[data-testid=bubble][data-direction=outbound][data-status=delivered]:last-child";
        self.see(sent, "Le mando la lista").await;
        find(&self.client, &format!("{sent} img")).await;
        self.look_through("written").await;
    }

    /// From the page of the one whom it leaves.
    async fn make_one(&self, other: &str) {
        self.click("[data-testid=merge]").await;
        self.type_into("#search", other).await;
        self.click("form[role=search] button.primary").await;
        self.click("[data-testid=person] a").await;
        self.see("[data-testid=goes]", other).await;
        self.look_through("merging").await;
        self.click("[data-testid=merge-now]").await;
        self.see("[data-testid=thread]", "SMS").await;
    }

    async fn bring_a_list(&self) {
        self.go("/contacts/import").await;
        let list = format!("teléfono;nombre\n{};Luz ({})\n12;Nadie", self.number(3), self.name);
        self.type_into("#list", &list).await;
        self.click("[data-testid=look]").await;
        self.see("[data-testid=preview]", "").await;
        self.look_through("importing").await;
        self.click("[data-testid=import-now]").await;
        self.see("[data-testid=done]", "").await;
        self.look_through("imported").await;
        self.go(&format!("/contacts?q=Luz%20({})", self.name)).await;
        self.see("[data-testid=person]", "Luz").await;
    }
}
